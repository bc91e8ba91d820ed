import CReplay
import ReplayLog
import Synchronization

/// The end of a run: delivers what is queued, ends the log, and resets the session.
extension Session {
    package func finish(_ end: RunEnd? = nil) -> Status {
        if let forkRefusal { return forkRefusal }
        guard isConfigured else { return misuse(.wrongState, "the session is not configured") }
        if isInCallback {
            return misuse(.reentered, "replay_finish was called from within a callback of the host")
        }
        // Nor from a callback that the end itself calls.
        return calling { endSession(end ?? RunEnd()) }
    }

    private func endSession(_ end: RunEnd) -> Status {
        preparation.end()
        watchdog?.stop()
        let held = replay_fair_lock_mine(lock)
        if let end = travel.onEnd.withLock({ $0.call.take() }) {
            // A debugger's thread may wait for the lock.
            if held { replay_fair_lock_give(lock) }
            end()
            if held { _ = replay_fair_lock_take(lock) }
        }
        if !held { _ = replay_fair_lock_take(lock) }
        withPlayer { $0.thaw() }
        shared.isHalted.store(false, ordering: .relaxed)
        (travel.goal, travel.hit, travel.isOver) = (.none, nil, true)
        if isRecording || !end.isOnPurpose { flushAtEnd() }
        var error = closeLog(end)
        shared.isEnding.store(true, ordering: .releasing)
        enter(.none)
        runRest()
        let lost = closeDisks()
        error = error ?? lost
        runRest()
        reset()
        if !held { replay_fair_lock_give(lock) }
        noteChange()
        wakeIO()
        if let error {
            failures.errors.note(error)
            return error.status
        }
        return .ok
    }

    /// Delivers what is still queued, as a part of the run: RECORD writes it, PLAY
    /// takes it from the log. This thread acts for the vCPU thread, which has ended or waits.
    private func flushAtEnd() {
        guard isStarted, !isIdle, !hasFailed || options.goOnWhenFull else { return }
        let thread = replay_thread_self()
        let roles = thread.pointee.roles
        thread.pointee.roles |= ThreadRoles.vcpu.bits
        defer { thread.pointee.roles = roles }
        if let player, isPlaying { return playRest(player) }
        // Also what an event queues.
        for _ in 0..<Self.mostRounds where queue.inbox.count > 0 { flushQueue(.finish) }
    }

    private func playRest(_ player: Player) {
        accountAtEnd(player)
        var waits = 0
        while self.icount == host.icount {
            settleAtFinish(player)
            guard let rule = dueRule(player) else { return }
            if rule.way == .reading, player.next.role == .io {
                // The main loop that could repeat it has ended, so it only goes to the cache.
                state.unorderedEvents &+= 1
                passReading(player)
                continue
            }
            guard rule.way == .flush else { return }
            let index = player.nextIndex
            flushQueue(.finish)
            if player.nextIndex != index { continue }
            // Only a disk's completion can still arrive.
            guard devices.isAtWork(player.next.request), waits < 3000 else { return }
            waits += 1
            waitUnlocked(replay_change_count(change), 10_000_000)
        }
    }

    /// PLAY: accounts the host's icount, unless it is too far.
    private func accountAtEnd(_ player: Player) {
        let icount = host.icount
        if icount > self.icount, icount <= player.nextIcount { self.icount = icount }
    }

    /// After the log is closed: input from outside that came too late is dropped; bottom halves
    /// and completions are run.
    private func runRest() {
        queue.inbox.drop(\.isExternal)
        runQueue()
    }

    /// Ends the log of a recording, or checks whether a replay was complete.
    private func closeLog(_ given: RunEnd) -> ReplayError? {
        defer { failures.errors.loosen() }
        reportUnusedSnapshot()
        if let writer {
            reportUnusedDigestInterval()
            let failed = failures.errors.sticky
            guard isStarted else {
                writer.abandon()
                return failed
            }
            let end = failed == nil ? endHere(given) : endOfFailure(given)
            do { try writer.finish(end) } catch { return failed ?? ReplayError(error) }
            if let remark = writer.remark { host.message(.warning, remark) }
            return failed
        }
        guard let player, isStarted else { return failures.errors.sticky ?? failures.held?.error }
        if !hasFailed {
            accountAtEnd(player)
            settleAtFinish(player)
        }
        if let failed = failures.errors.sticky { return failed }
        if player.endIsReported || given.isOnPurpose { return nil }
        let short = stoppedShort(player)
        return endsAtShutdown(player) ? failures.errors.sticky : short
    }

    private func endHere(_ given: RunEnd) -> LogEnd {
        LogEnd(
            cause: UInt32(bitPattern: (given.cause == .none ? causeOfEnd : given.cause).rawValue),
            exitCode: given.exitCode, icount: max(host.icount, icount),
            digest: host.hasDigest ? digestOfHost() : 0, hasDigest: host.hasDigest)
    }

    /// A reset ended the run only if the machine didn't continue after it.
    var causeOfEnd: ShutdownCause {
        let continues = state.shutdownCause.isReset && max(host.icount, icount) != state.shutdownIcount
        return continues ? .none : state.shutdownCause
    }

    /// Has the guest continued since the failure? Then its state isn't that of the log's last place.
    private func endOfFailure(_ given: RunEnd) -> LogEnd {
        LogEnd(
            cause: UInt32(bitPattern: ShutdownCause.hostError.rawValue), exitCode: given.exitCode,
            icount: icount)
    }

    private func stoppedShort(_ player: Player) -> ReplayError {
        var error = ReplayError(
            .stoppedShort,
            "the host ended the replay at icount \(icount), before \(player.nextDescription)",
            expected: player.nextDescription, found: "the end of the replay")
        error.icount = icount
        error.eventIndex = player.nextIndex
        error.roles = ThreadRoles.mine.bits
        error.history = player.history
        return error
    }

    /// Resets the session to its state before the configuration, except for the error and the lock.
    func leave() {
        watchdog?.stop()
        watchdog = nil
        writer?.abandon()
        enter(.none)
        (host, options, preparation.fingerprint) = (Host(), Options(), Fingerprint())
        (state, course) = (EngineState(), Course())
        travel.reset()
        showClock()
        shared.reset()
        setSnapshotName(nil)
        setFileName(nil)
    }

    /// Resets to the state after `init`, except for the error and the lock.
    private func reset() {
        leave()
        publishNothingDue()
        replay_watch_reset(watch)
        failures.reset()
        preparation.removeBlockers()
        queue.removeAll()
        devices.removeAll()
    }
}
