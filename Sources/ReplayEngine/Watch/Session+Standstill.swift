import CReplay
import ReplayLog
import Synchronization

/// What the watchdog asks a session, and what it reports.
extension Session {
    /// Marks work that may take some time, in a callback of the host or in the library, so that it isn't a stall.
    func inHost<Result>(isShutdown: Bool = false, _ work: () -> Result) -> Result {
        calling(isShutdown: isShutdown) {
            guard let watchdog else { return work() }
            watchdog.beginCallback()
            defer { watchdog.endCallback() }
            return work()
        }
    }

    /// Notes the calling thread's roles.
    package func noteThread() { threads.note() }

    /// PLAY: the calling thread asked for what isn't next.
    @inline(__always)
    func noteAsked(_ kind: EventKind) {
        replay_watch_ask_kind(watch, kind.rawValue, ThreadRoles.mine.bits)
        if replay_watch_is_wanted(watch) { reportStall() }
    }

    /// PLAY: notes a turn or a flush. If it leads to an event, that is noted separately.
    @inline(__always)
    func noteTurnForWatch() {
        replay_watch_ask(watch, ThreadRoles.mine.bits)
        if replay_watch_is_wanted(watch) { reportStall() }
    }

    /// Is a request at work on what comes next?
    func mayStandStill(isPatient: Bool) -> Bool {
        guard isPatient, let player, !hasFailed,
            let rule = player.nextRule
        else { return false }
        switch rule.arrival {
        case .request: return isAtWork(player.next.request)
        case .bottomHalf: return hasRequestsUnderWay
        case nil: return false
        }
    }

    /// Has the host asked to end the machine?
    var isEndingByRequest: Bool { causeOfEnd != .none }

    // MARK: Stalls

    /// PLAY: the watchdog can't get the lock from a thread that asks again and again, so that thread reports
    /// the stall itself.
    @inline(never)
    func reportStall() {
        replay_watch_want(watch, false)
        let sample = replay_watch_sample(watch)
        guard let watchdog, let error = stall(watchdog.quietTime, lastAsked: sample.last_asked) else {
            return
        }
        tell(error, .divergence)
    }

    /// PLAY, with the lock held: the error if nothing has happened for too long. nil: the replay had already failed.
    func stall(_ time: Int64, lastAsked: UInt32) -> ReplayError? {
        guard let player, !hasFailed else { return nil }
        let expected = player.nextDescription
        var found = Self.describe(lastAsked: lastAsked)
        if player.nextIcount > icount {
            let ahead = player.nextIcount &- icount
            found = "the vCPU \(host.cpusIdle ? "asleep" : "stopped") \(ahead) instructions before it"
            if lastAsked != 0 { found += ", and \(Self.describe(lastAsked: lastAsked))" }
        }
        let queued = queue.count
        if queued > 0 { found += ", with \(queued) events queued" }
        var error = ReplayError(
            .stalled,
            "the replay has made no progress for \(time.asSeconds) at icount \(icount): expected \(expected), "
                + "found \(found)\(missingCall(player, isAsked: lastAsked != 0))\(adviceAfterGoingBack)",
            expected: expected, found: found)
        error.icount = icount
        error.eventIndex = player.nextIndex
        error.history = player.history
        return stick(error)
    }

    /// PLAY: the error if a thread keeps the lock, so that nobody can look at the log.
    func stall(_ time: Int64, holder: ThreadRoles, isWanted: Bool) -> ReplayError? {
        guard !hasFailed else { return nil }
        let alone =
            "\(holder.description) has held the replay lock for \(time.asSeconds) without a call that leads to the next event"
        var error = ReplayError(
            .stalled,
            "the replay has made no progress: " + (isWanted ? LiveWatch.sentence(holder, time) : alone),
            expected: isWanted ? "replay_mutex_unlock() by \(holder.description)" : "",
            found: "\(holder.description) with the replay lock")
        (error.icount, error.eventIndex) = (icountSeen, eventsSeen)
        return stick(error)
    }

    private func stick(_ error: ReplayError) -> ReplayError? {
        hasFailed = true
        return failures.errors.stick(error) ? error : nil
    }

    private static func describe(lastAsked: UInt32) -> String {
        guard lastAsked != 0, let kind = EventKind(rawValue: UInt8(truncatingIfNeeded: lastAsked >> 2)) else {
            return "no call for it"
        }
        return "\(kind.name) last asked for by \(ThreadRoles(bits: Int32(lastAsked & 3)).description)"
    }

    /// "; the I/O thread must call replay_start_warp_timer() or replay_turn()": the call that is missing, or why no call
    /// can lead to the event.
    private func missingCall(_ player: Player, isAsked: Bool) -> String {
        guard player.nextIcount == icount else {
            return host.cpusIdle ? differentPath(player) : "; the vCPU thread must execute them"
        }
        guard let rule = player.nextRule else { return "; a thread must call replay_turn()" }
        let call = "; \(ThreadRoles(player.next.role).description) must call \(rule.call)"
        switch player.next.knownKind {
        case .checkpointClockVirtual where !hasVirtualTimers:
            return "; no virtual timer is due: the one that expired here while recording is not set"
        case .interrupt where !isAsked:
            return call
                + ". If no interrupt is pending in the guest, what raised it while recording was not an event of the log"
        default: break
        }
        guard rule.isOfDevice, player.next.role == .vcpu, !host.cpusIdle else { return call }
        // A host that counts an instruction after it is executed has no budget for the one that would call.
        return call + ". Where an instruction does so, replay_host::icount must include it already"
    }

    /// Only an event at this place could wake the guest, and there is none.
    private func differentPath(_ player: Player) -> String {
        let isFirst = player.nextIndex <= player.reader.firstEvent
        let since = isFirst ? "from the start on" : "after event \(player.nextIndex &- 1)"
        return ": \(since) the guest took a different path (a value or an input that isn't recorded); "
            + "rrdigest=N finds where"
    }
}
