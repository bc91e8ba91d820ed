import CReplay
import ReplayLog
import Synchronization

/// The turn of the I/O thread: the host's timers, its requests, the warp.
extension Session {
    package func startWarp() -> Status {
        if let refusal = refusal(.io, "replay_start_warp_timer") { return refusal }
        noteTurn()
        shared.askedForWarp.store(false, ordering: .relaxed)
        replay_watch_count(&watch.pointee.io_turns)
        if hasFailed && !options.goOnWhenFull { return failure }
        guard machineRuns else { return .ok }
        if isPlaying { noteTurnForWatch() }
        if isIdle || ThreadRoles.mine != .either {
            withPinnedPlayer { playIOTurn($0) } ?? recordIOTurn()
        } else {
            takeIOTurnOfBoth()
        }
        return hasFailed ? failure : .ok
    }

    /// A replay may have a thread for each role: what the host does in this turn is the I/O thread's.
    private func takeIOTurnOfBoth() {
        let isWithinOne = course.isIOTurn
        course.isIOTurn = true
        updateQuickPaths()
        withPinnedPlayer { playIOTurn($0) } ?? recordIOTurn()
        course.isIOTurn = isWithinOne
        updateQuickPaths()
    }

    // MARK: Record

    /// RECORD and NONE: looks for work first, and writes only where it does some.
    private func recordIOTurn() {
        if let end = withClock({ $0.warpEnd }), end <= runningTime, pass(.checkpointClockVirtualRT) {
            lintLateTurn(end)
            endWarpInTime()
        }
        if host.runsTimers, host.deadline(.host) == 0, pass(.checkpointClockHost) {
            inHost { host.runTimers(.host) }
        }
        inHost { host.handleRequests() }
        guard host.cpusIdle, queue.inbox.count == 0 else { return }
        let icount = host.icount
        guard let deadline = virtualDeadline(icount) else { return warnOfEndlessSleep() }
        if deadline == 0 { return wakeVCPU() }
        let target = withClock { $0.now(icount) } &+ deadline
        if withClock({ $0.mustArm(target) }), pass(.checkpointClockWarpStart) { beginWarp(deadline, target) }
        replay_watch_end(watch, false)
    }

    /// RECORD: writes a checkpoint of the engine. NONE: returns true.
    func pass(_ kind: EventKind) -> Bool {
        guard isRecording else { return true }
        let written = write(kind)
        noteCheckpoint()
        return written || options.goOnWhenFull
    }

    // MARK: Play

    /// PLAY: does what the log says that this thread did here. An event whose step isn't later belongs to
    /// the next turn.
    private func playIOTurn(_ player: Player) {
        guard accountForPlaying(host.icount, player) else { return }
        settle(.turn, player)
        var last: EventRule.IOStep?
        while let rule = dueRule(player), player.next.role == .io, let step = rule.ioStep {
            if step.isOncePerTurn {
                guard step.rawValue > last?.rawValue ?? 0 else {
                    wakeIO()
                    break
                }
                last = step
            }
            let index = player.nextIndex
            play(step, player)
            if player.nextIndex == index { break }
        }
        settle(.turn, player)
        player.leave(realTime)
    }

    private func play(_ step: EventRule.IOStep, _ player: Player) {
        switch step {
        case .warpEnd:
            consume(player)
            endWarpInTime()
        case .hostTimers:
            guard host.runsTimers else { return }
            consume(player)
            inHost { host.runTimers(.host) }
        case .requests:
            inHost { host.handleRequests() }
            player.leaveAnew()
        case .warpStart:
            consume(player)
            let icount = host.icount
            let deadline = virtualDeadline(icount) ?? 0
            beginWarp(deadline, withClock { $0.now(icount) } &+ deadline)
        case .virtualTimers: playVirtualTimers(player)
        case .reading: passOverUnrepeatedReading(player)
        }
    }

    func playVirtualTimers(_ player: Player) {
        guard hasVirtualTimers else { return }
        consume(player)
        runVirtualTimers()
    }

    private func endWarpInTime() {
        withClock { $0.disarmWarp() }
        endWarp(.io)
        wakeVCPU()
    }

    // MARK: When to turn

    /// The vCPU falls asleep, so the I/O thread must start the warp.
    func wakeIOForWarp() {
        guard !ThreadRoles.mine.overlaps(.io), !shared.askedForWarp.exchange(true, ordering: .relaxed) else {
            return
        }
        wakeIO()
    }

    /// For a host's own main loop: how long it may sleep; -1: no limit.
    package func warpDeadline() -> Int64 {
        if refusal(.io, "replay_warp_deadline_ns") != nil { return -1 }
        replay_watch_end(watch, true)
        if let delay = withPlayer({ warpDeadline($0) }) { return delay }
        let delay = nextIOTurn(ofTurns: false) ?? -1
        if delay == 0 { replay_watch_ask(watch, ThreadRoles.mine.bits) }
        return delay
    }

    private func warpDeadline(_ player: Player) -> Int64 {
        noteTurnForWatch()
        if hasFailed || player.endIsReported { return -1 }
        if let delay = delayOfIOTurn(player) { return delay }
        // What the library's turn doesn't do, the host does in its loop, if it belongs to this thread.
        guard host.icount == player.nextIcount, let rule = player.nextRule else { return -1 }
        return rule.way != .shutdown && player.next.role == .io ? 0 : -1
    }

    /// For a main loop that does nothing except take the library's turns.
    package func turnDeadline() -> Int64 {
        if refusal(.io, "the replay source of a main context") != nil { return -1 }
        replay_watch_end(watch, true)
        if let delay = withPlayer({ delayOfIOTurn($0) }) { return hasFailed ? -1 : delay ?? -1 }
        return nextIOTurn(ofTurns: true) ?? -1
    }

    /// RECORD, NONE: real ns until the I/O thread must take a turn by itself; nil: no limit.
    ///
    /// - Parameter ofTurns: only for what the library's turn does; otherwise also for the host's own loop.
    func nextIOTurn(ofTurns: Bool) -> Int64? {
        if isPaused { return isMachineOn ? 0 : Self.pauseInterval }
        let now = runningTime
        let warp = withClock { $0.warpLeft(now) }
        guard host.runsTimers || !ofTurns, let alarm = host.deadline(.host) else { return warp }
        return warp.map { min($0, alarm) } ?? alarm
    }

    /// PLAY: real ns until a turn of the I/O thread can handle the next event; nil: it
    /// can't.
    func delayOfIOTurn(_ player: Player) -> Int64? {
        guard host.icount == player.nextIcount else { return nil }
        guard let rule = player.nextRule else { return player.endIsReported ? nil : 0 }
        if rule.way == .shutdown { return mayDeliverShutdown(player, .turn) ? 0 : nil }
        guard player.next.role == .io, let step = rule.ioStep else { return nil }
        switch step {
        case .warpEnd, .warpStart: return 0
        case .hostTimers: return host.runsTimers ? 0 : nil
        case .virtualTimers: return hasVirtualTimers ? 0 : nil
        // The main loop's own work must run too, so the host is asked only from time to time
        // for what only it can do.
        case .requests, .reading: return player.restOfPatience(realTime)
        }
    }

    /// Would a turn of the I/O thread do something now? Changes nothing.
    package var hasIOTurn: Bool {
        if hasFailed && !options.goOnWhenFull { return false }
        guard isMachineOn else { return !isPaused }
        if let delay = withPlayer({ delayOfIOTurn($0) }) { return delay == 0 }
        if nextIOTurn(ofTurns: true) == 0 { return true }
        let asked = shared.askedForWarp.load(ordering: .relaxed)
        guard host.cpusIdle, queue.inbox.count == 0, let deadline = virtualDeadline(host.icount) else {
            return asked
        }
        let target = virtualTime &+ deadline
        return asked || (deadline > 0 && withClock { $0.mustArm(target) })
    }
}
