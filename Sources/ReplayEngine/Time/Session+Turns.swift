import CReplay
import ReplayLog
import Synchronization

/// The turns of the two threads, in which everything happens that the engine asks of the host.
extension Session {
    // MARK: The I/O thread's turn

    package func startWarp() -> Status {
        if let refusal = refusal(.io, "replay_start_warp_timer") { return refusal }
        noteTurn()
        askedForWarp.store(false, ordering: .relaxed)
        replay_watch_count(&watch.pointee.io_turns)
        if hasFailed && !options.goOnWhenFull { return failure }
        guard machineRuns else { return .ok }
        if isPlaying { noteTurnForWatch() }
        if isPlaying { playIOTurn() } else { recordIOTurn() }
        return hasFailed ? failure : .ok
    }

    /// RECORD and NONE: looks first, and writes only where something is done.
    private func recordIOTurn() {
        if let end = withClock({ $0.warpEnd }), end <= runningTime, pass(.checkpointClockVirtualRT) {
            lintLateTurn(end)
            withClock { $0.disarmWarp() }
            endWarp(.io)
            wakeVCPU()
        }
        if host.runsTimers, host.deadline(REPLAY_TIMERS_HOST) == 0, pass(.checkpointClockHost) {
            inHost { host.runTimers(REPLAY_TIMERS_HOST) }
        }
        inHost { host.handleRequests() }
        guard host.cpusIdle, inbox.count == 0 else { return }
        let icount = host.icount
        guard let deadline = virtualDeadline(icount) else { return warnOfEndlessSleep() }
        if deadline == 0 { return wakeVCPU() }
        let target = withClock { $0.now(icount) } &+ deadline
        if withClock({ $0.warpEnd != nil && $0.warpTarget == target }) { return }
        if pass(.checkpointClockWarpStart) { beginWarp(deadline, target) }
        replay_watch_end(watch, false)
    }

    /// RECORD: writes an engine's own checkpoint. NONE: goes through.
    private func pass(_ kind: EventKind) -> Bool {
        guard isRecording else { return true }
        let written = write(kind, kind.usualRole)
        noteCheckpoint()
        return written || options.goOnWhenFull
    }

    /// PLAY: does what the log says that this thread did here.
    private func playIOTurn() {
        guard let player, accountForPlaying(host.icount, player) else { return }
        settle(.turn)
        var step: UInt8 = 0
        while !hasFailed, player.ending == nil, player.nextIcount == state.icount,
            ThreadRoles.mine.has(player.next.role), let kind = player.next.knownKind
        {
            let rule = kind.rule
            // RECORD takes each step once in a turn: this one is the next turn's.
            if rule.ioStep > 0, rule.ioStep <= step {
                wakeIO()
                break
            }
            let index = player.next.index
            playIOEvent(kind, player)
            if player.nextIndex == index { break }
            step = max(step, rule.ioStep)
        }
        settle(.turn)
        if lastIOTurn.index != player.nextIndex { lastIOTurn = (player.nextIndex, realTime) }
    }

    /// PLAY: real ns until a turn of the I/O thread does something about what is
    /// next; nil: it can do nothing. The main loop's own work must get its turn too:
    /// what only the host can do is asked for from time to time.
    func delayOfIOTurn(_ player: Player) -> Int64? {
        guard host.icount == player.nextIcount else { return nil }
        guard player.ending == nil, let kind = player.next.knownKind else {
            return player.endWasTold ? nil : 0
        }
        if kind.rule.way == .shutdown { return mayDeliverShutdown(player, .turn) ? 0 : nil }
        guard player.next.role == .io else { return nil }
        switch kind {
        case .checkpointClockWarpStart, .checkpointClockVirtualRT: return 0
        case .checkpointClockHost: return host.runsTimers ? 0 : nil
        case .checkpointClockVirtual: return hasVirtualTimers ? 0 : nil
        case .checkpointResetRequested, .checkpointSuspendRequested, .clockHost, .clockVirtualRT:
            guard lastIOTurn.index == player.next.index else { return 0 }
            return max(lastIOTurn.time &+ patience &- realTime, 0)
        default: return nil
        }
    }

    private func playIOEvent(_ kind: EventKind, _ player: Player) {
        switch kind {
        case .checkpointClockWarpStart:
            consume(player)
            let icount = host.icount
            let deadline = virtualDeadline(icount) ?? 0
            beginWarp(deadline, withClock { $0.now(icount) } &+ deadline)
        case .checkpointClockVirtualRT where player.next.role == .io:
            consume(player)
            withClock { $0.disarmWarp() }
            endWarp(.io)
            wakeVCPU()
        case .checkpointClockHost:
            guard host.runsTimers else { return }
            consume(player)
            inHost { host.runTimers(REPLAY_TIMERS_HOST) }
        case .checkpointClockVirtual:
            runVirtualTimersOfLog(player)
        case .checkpointResetRequested, .checkpointSuspendRequested:
            inHost { host.handleRequests() }
            lastIOTurn.index = .max  // asked now: the patience begins anew
        case .clockHost where player.next.role == .io, .clockVirtualRT where player.next.role == .io:
            // A reading that the replayed loop does not repeat: it only fed the cache.
            guard lastIOTurn.index == player.next.index, realTime &- lastIOTurn.time >= patience else {
                return
            }
            patience /= 2
            cache(kind, player.next.a)
            consume(player)
        default:
            break
        }
    }

    // MARK: The vCPU thread's turn

    package func accountWarp() -> Status {
        if let refusal = refusal(.vcpu, "replay_account_warp_timer") { return refusal }
        if isFlushing {
            return misuse(.reentered, "replay_account_warp_timer was called from an event's callback")
        }
        noteVCPUTurn()
        budgetsBeforeTurn = Self.mostBudgets
        replay_watch_count(&watch.pointee.vcpu_turns)
        if hasFailed && !options.goOnWhenFull { return failure }
        guard machineRuns else { return .ok }
        if isPlaying { noteTurnForWatch() }
        if isPlaying { playVCPUTurn() } else { recordVCPUTurn() }
        return hasFailed ? failure : .ok
    }

    private func recordVCPUTurn() {
        if isRecording, accountForWriting(host.icount) == nil, !options.goOnWhenFull { return }
        takeDigestInTurn()
        flushQueue(.turn)
        lookAtShift()
        if sleeps, withClock({ $0.warpStart != nil }), !host.cpusIdle, pass(.checkpointClockWarpAccount) {
            accountSleep()
        }
        if isVirtualTimerDue, pass(.checkpointClockVirtual) {
            runVirtualTimers()
        }
        warnOfAlignment()
    }

    /// Each of these takes an event only if it is next; the log decides the order. RECORD takes each step
    /// at most once in a turn: what isn't a later one is the next turn's, because guest work may stand
    /// between.
    private func playVCPUTurn() {
        runUnwritten()
        guard let player, accountForPlaying(host.icount, player) else { return }
        isInSlice = false
        settle(.turn)
        takeDigestInTurn()
        if !hasFailed, player.nextIcount == state.icount { flushQueue(.turn) }
        var step = EventKind.flush.rule.vcpuStep
        while !hasFailed, player.ending == nil, player.nextIcount == state.icount,
            ThreadRoles.mine.has(player.next.role), let kind = player.next.knownKind,
            kind.rule.vcpuStep > 0
        {
            guard kind.rule.vcpuStep > step else {
                // A flush that has done its part waits for an arrival, or for its place.
                if kind.rule.vcpuStep < step || kind.rule.way != .flush { wakeVCPU() }
                break
            }
            step = kind.rule.vcpuStep
            let index = player.next.index
            playVCPUEvent(kind, player)
            if player.nextIndex == index { break }
        }
        settle(.turn)
    }

    private func playVCPUEvent(_ kind: EventKind, _ player: Player) {
        switch kind {
        case .checkpointClockVirtualRT where player.next.role == .vcpu:
            consume(player)
            lookAtShiftNow(player)
        case .checkpointClockWarpAccount:
            consume(player)
            accountSleep()
        case .checkpointClockVirtual: runVirtualTimersOfLog(player)
        default: break
        }
    }

    // MARK: When to turn

    /// The vCPU falls asleep: the I/O thread must start the warp.
    func wakeIOForWarp() {
        guard !ThreadRoles.mine.overlaps(.io), !askedForWarp.exchange(true, ordering: .relaxed) else {
            return
        }
        wakeIO()
    }

    /// RECORD, NONE: real ns until the I/O thread must turn by itself; nil: not at all.
    ///
    /// - Parameter ofTurns: only for what the library's turn does; else for what the host's own loop does too.
    func nextIOTurn(ofTurns: Bool) -> Int64? {
        if isPaused { return host.machineRunning ? 0 : Self.pauseInterval }
        let now = runningTime
        let warp = withClock { $0.warpEnd }.map { max($0 &- now, 0) }
        guard host.runsTimers || !ofTurns, let alarm = host.deadline(REPLAY_TIMERS_HOST) else { return warp }
        return warp.map { min($0, alarm) } ?? alarm
    }

    /// For a host's own main loop: what it may sleep at most; -1: no limit.
    package func warpDeadline() -> Int64 {
        if refusal(.io, "replay_warp_deadline_ns") != nil { return -1 }
        replay_watch_end(watch, true)
        guard let player, isPlaying else {
            let delay = nextIOTurn(ofTurns: false) ?? -1
            if delay == 0 { replay_watch_ask(watch, ThreadRoles.mine.bits) }
            return delay
        }
        noteTurnForWatch()
        if hasFailed || player.endWasTold { return -1 }
        if let delay = delayOfIOTurn(player) { return delay }
        // What the library's turn doesn't do the host does in its loop, if it is this thread's.
        return host.icount == player.nextIcount && player.ending == nil && player.next.role == .io
            && player.next.knownKind?.rule.way != .shutdown ? 0 : -1
    }

    /// For a main loop that takes the library's turns and nothing but these.
    package func turnDeadline() -> Int64 {
        if refusal(.io, "the replay source of a main context") != nil { return -1 }
        replay_watch_end(watch, true)
        guard let player, isPlaying else { return nextIOTurn(ofTurns: true) ?? -1 }
        return hasFailed ? -1 : delayOfIOTurn(player) ?? -1
    }

    /// Would a turn of the I/O thread do something now? Looks, and does nothing.
    package var hasIOTurn: Bool {
        if hasFailed && !options.goOnWhenFull { return false }
        guard host.machineRunning else { return !isPaused }
        if let player, isPlaying { return delayOfIOTurn(player) == 0 }
        if nextIOTurn(ofTurns: true) == 0 { return true }
        let asked = askedForWarp.load(ordering: .relaxed)
        guard host.cpusIdle, inbox.count == 0, let deadline = virtualDeadline(host.icount) else {
            return asked
        }
        let target = virtualTime &+ deadline
        return asked || (deadline > 0 && withClock { $0.warpEnd == nil || $0.warpTarget != target })
    }
}
