import CReplay
import ReplayLog

/// Instructions: how far the vCPU has come, and how far it may run.
extension Session {
    package var currentIcount: UInt64 { host.icount }

    // MARK: Accounting

    package func accountExecuted() -> Status {
        if isIdle {
            if isAtStop { reachStop(isAccounted: true) }
            return .ok
        }
        if let refusal = refusal(.vcpu, "replay_account_executed_instructions") { return refusal }
        if let status = withPlayer({ accountExecuted($0) }) { return status }
        let icount = host.icount
        if icount < self.icount { return countWentBack(icount) }
        self.icount = icount
        if icount >= stopIcount { reachStop(isAccounted: true) }
        return hasFailed && !options.goOnWhenFull ? failure : .ok
    }

    private func accountExecuted(_ player: Player) -> Status {
        guard accountForPlaying(host.icount, player) else { return failure }
        player.isInSlice = false
        if icount >= stopIcount { reachStop(isAccounted: true) }
        // Delivers nothing, because the host may still do something at this icount first.
        withPlayer { if icount == $0.nextIcount { wakeWhoeverActs($0) } }
        return hasFailed ? failure : .ok
    }

    // MARK: Budget

    package func instructions() -> Int32 {
        if refusal(.vcpu, "replay_get_instructions") != nil || !mayRun { return 0 }
        if isAtStop, standsStill() { return 0 }
        return withPlayer { Int32(clamping: playBudget($0)) } ?? .max
    }

    package func budget(_ most: UInt64) -> UInt64 {
        if refusal(.vcpu, "replay_get_budget") != nil || !mayRun { return 0 }
        if isAtStop, standsStill() { return 0 }
        guard isMachineOn else { return 0 }
        if let budget = withPlayer({ playBudget($0) }) { return min(most, budget) }
        if hasFailed && !options.goOnWhenFull { return 0 }
        if isRecording { noteBudget() }
        guard most > 0 else { return 0 }
        let icount = host.icount
        var budget = min(most, max(stopIcount, icount) &- icount)
        if let deadline = virtualDeadline(icount) { budget = min(budget, virtualInstructions(for: deadline)) }
        if state.nextDigest != .max {
            budget = min(budget, state.nextDigest > icount ? state.nextDigest &- icount : 0)
        }
        return budget
    }

    /// RECORD: a vCPU thread that takes no turns gets no input and no timers, and its
    /// guest never wakes. A replay would report a stall; a recording must warn.
    private func noteBudget() {
        guard hotRecorder?._withUnsafeGuaranteedRef({ $0.missesTurn() }) == true else { return }
        warnOnce(
            "neither replay_account_warp_timer() nor replay_turn() is called: without them no queued event reaches the guest, and no timer runs"
        )
    }

    /// Reports that the machine runs before the start.
    private var mayRun: Bool {
        if isStarted || isIdle { return true }
        misuse(.wrongState, "the machine runs, but replay_start was not called")
        return false
    }

    // MARK: Stops

    @inline(__always) private var stopIcount: UInt64 { shared.stopIcount.load(ordering: .relaxed) }

    /// Is there something to do before the next slice, besides what is in the log?
    @inline(__always) private var isAtStop: Bool {
        let stop = stopIcount
        return stop != .max && host.icount >= stop
    }

    /// Does it. - Returns: has the machine come to a different place, or must it not run?
    @inline(never)
    private func standsStill() -> Bool {
        if isPlaying, withPlayer({ accountForPlaying(host.icount, $0) }) == false, !hasFailed { return true }
        let before = (icount, events, isHalted)
        reachStop(isAccounted: false)
        return isHalted || before != (icount, events, isHalted)
    }

    private func playBudget(_ player: Player) -> UInt64 {
        guard accountForPlaying(host.icount, player) else { return 0 }
        let limit = min(player.nextIcount, stopIcount)
        let isQuick =
            icount < limit && player.owedShutdowns.isEmpty && !replay_watch_is_wanted(watch)
            && !player.endIsReported
        guard isQuick else { return withPinnedPlayer { budgetAtPlace($0) } ?? 0 }
        player.isInSlice = true
        player.isFresh = false
        return limit &- icount
    }

    /// PLAY: the same where something is due, or about to be reported.
    @inline(never)
    private func budgetAtPlace(_ player: Player) -> UInt64 {
        player.isInSlice = false
        player.isFresh = false
        if icount >= stopIcount { return 0 }
        if icount == player.nextIcount || !player.owedShutdowns.isEmpty {
            replay_watch_ask(watch, ThreadRoles.mine.bits)
            settle(.rest, player)
        }
        if replay_watch_is_wanted(watch) { reportStall() }
        let limit = min(player.nextIcount, max(stopIcount, icount))
        // The machine may be paused here now, because the log has ended.
        let budget = hasFailed || player.endIsReported || isHalted ? 0 : limit &- icount
        player.isInSlice = budget > 0
        return budget
    }

    // MARK: Interrupts and exceptions

    package func takeInterrupt() -> Bool { take(.interrupt, "replay_interrupt") }
    package func takeException() -> Bool { take(.exception, "replay_exception") }
    package func hasInterrupt() -> Bool { has(.interrupt, "replay_has_interrupt") }
    package func hasException() -> Bool { has(.exception, "replay_has_exception") }

    private func take(_ kind: EventKind, _ function: StaticString) -> Bool {
        if isIdle { return noteTaken(!isHalted && !mustWait(kind)) }
        if refusal(.vcpu, function) != nil { return false }
        if isRecording {
            return noteTaken(!isHalted && !mustWait(kind) && (write(kind) || options.goOnWhenFull))
        }
        // While a replay is paused nothing is next.
        guard noteTaken(withPlayer { take(kind, $0) } ?? false) else { return false }
        // This may be where the journey goes.
        if case .access = travel.goal { shared.stopIcount.store(0, ordering: .relaxed) }
        return true
    }

    /// RECORD, NONE: an interrupt waits while a debugger steps over the instruction before which it stands, unless the
    /// guest sleeps until there is one.
    private func mustWait(_ kind: EventKind) -> Bool {
        kind == .interrupt && travel.isStepping && !host.cpusIdle
    }

    /// After an interrupt the next instruction is a different one, at the same icount.
    @inline(__always)
    private func noteTaken(_ isTaken: Bool) -> Bool {
        if isTaken { travel.resumedAt = nil }
        return isTaken
    }

    private func has(_ kind: EventKind, _ function: StaticString) -> Bool {
        guard isPlaying, refusalInRun(.vcpu, function) == nil else { return false }
        return withPlayer { player in
            guard accountForPlaying(host.icount, player) else { return false }
            if isMine(kind, player) { return true }
            replay_watch_ask(watch, ThreadRoles.mine.bits)
            return false
        } ?? false
    }
}

extension UInt64 {
    /// All 16 digits.
    var asHex: String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension ReplayError {
    init(_ status: Status, _ message: String, at session: Session) {
        self.init(status, message)
        icount = session.icount
        eventIndex = session.player?.nextIndex ?? 0
        roles = ThreadRoles.mine.bits
    }
}
