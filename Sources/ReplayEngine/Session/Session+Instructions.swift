import CReplay
import ReplayLog

/// The instruction cursor: how far the vCPU has come, and how far it may go.
extension Session {
    package var currentIcount: UInt64 { host.icount }

    // MARK: Accounting

    /// RECORD: takes over the icount to write. Nil if it went back, which ends the recording.
    @inline(__always)
    func accountForWriting(_ icount: UInt64) -> UInt64? {
        if icount < state.icount {
            wentBack(icount)
            return nil
        }
        state.icount = icount
        return icount
    }

    /// RECORD: no replay could follow the host from here on. The log keeps what it has.
    @inline(never)
    @discardableResult
    private func wentBack(_ icount: UInt64) -> Status {
        if hasFailed { return failure }
        let sentence =
            "the host's instruction count went back from \(state.icount) to \(icount): the recording ends here"
        var error = ReplayError(
            .icountBackwards, sentence, expected: "icount \(state.icount) or more", found: "icount \(icount)")
        place(&error)
        options.goOnWhenFull = false  // that is for logs that cannot be written
        return fail(error, REPLAY_STOP_LOG_ERROR)
    }

    /// PLAY: takes over the host's icount. False if the replay has failed, now or before.
    @inline(__always)
    func accountForPlaying(_ icount: UInt64, _ player: Player) -> Bool {
        if icount == state.icount { return !hasFailed }
        return accountProgress(icount, player)
    }

    private func accountProgress(_ icount: UInt64, _ player: Player) -> Bool {
        if hasFailed { return false }
        if icount < state.icount {
            diverge(
                "the instruction count went back from \(state.icount) to \(icount)", status: .icountBackwards)
            return false
        }
        if icount > player.nextIcount {
            let due = player.nextIcount
            state.icount = icount
            diverge(
                "the vCPU ran on to icount \(icount)", expected: "\(player.nextDescription) (due at \(due))")
            return false
        }
        state.icount = icount
        return true
    }

    package func accountExecuted() -> Status {
        if isIdle { return .ok }
        if let refusal = refusal(.vcpu, "replay_account_executed_instructions") { return refusal }
        guard let player else {
            let icount = host.icount
            if icount < state.icount { return wentBack(icount) }
            state.icount = icount
            return hasFailed && !options.goOnWhenFull ? failure : .ok
        }
        guard accountForPlaying(host.icount, player) else { return failure }
        isInSlice = false
        // What the host still does at this icount comes first: nothing is delivered here.
        if state.icount == player.nextIcount { wakeWhoeverActs(player) }
        return hasFailed ? failure : .ok
    }

    // MARK: Budget

    package func instructions() -> Int32 {
        if refusal(.vcpu, "replay_get_instructions") != nil || !mayRun { return 0 }
        guard isPlaying else { return .max }
        return Int32(clamping: playBudget())
    }

    package func budget(_ most: UInt64) -> UInt64 {
        if refusal(.vcpu, "replay_get_budget") != nil || !mayRun || !host.machineRunning { return 0 }
        if isPlaying { return min(most, playBudget()) }
        if hasFailed && !options.goOnWhenFull { return 0 }
        if isRecording { noteBudget() }
        guard most > 0 else { return 0 }
        var budget = most
        let icount = host.icount
        if let deadline = virtualDeadline(icount) { budget = min(budget, virtualInstructions(for: deadline)) }
        if state.nextDigest != .max {
            budget = min(budget, state.nextDigest > icount ? state.nextDigest &- icount : 0)
        }
        return budget
    }

    /// RECORD: a vCPU thread that never turns gets no input and no timer, and its
    /// guest never wakes. A replay would be told of a stall; here nobody waits.
    private func noteBudget() {
        guard budgetsBeforeTurn < Self.mostBudgets else { return }
        budgetsBeforeTurn += 1
        guard budgetsBeforeTurn == Self.mostBudgets else { return }
        warnOnce(
            "replay_account_warp_timer is not called: without it nothing that is queued reaches the guest, and no timer runs"
        )
    }

    static let mostBudgets: UInt32 = 100

    /// Before the start nothing may be executed.
    private var mayRun: Bool {
        if isStarted || isIdle { return true }
        misuse(.wrongState, "the machine runs, but replay_start was not called")
        return false
    }

    private func playBudget() -> UInt64 {
        guard let player, accountForPlaying(host.icount, player) else { return 0 }
        if state.icount == player.nextIcount || !owedShutdowns.isEmpty {
            replay_watch_ask(watch, ThreadRoles.mine.bits)
            settle(.rest)
        }
        if replay_watch_is_wanted(watch) { reportStall() }
        let budget = hasFailed || player.endWasTold ? 0 : player.nextIcount &- state.icount
        isInSlice = budget > 0
        return budget
    }

    // MARK: Interrupts and exceptions

    package func takeInterrupt() -> Bool { take(.interrupt, "replay_interrupt") }
    package func takeException() -> Bool { take(.exception, "replay_exception") }
    package func hasInterrupt() -> Bool { has(.interrupt, "replay_has_interrupt") }
    package func hasException() -> Bool { has(.exception, "replay_has_exception") }

    private func take(_ kind: EventKind, _ function: StaticString) -> Bool {
        if isIdle { return true }
        if refusal(.vcpu, function) != nil { return false }
        if isRecording { return write(kind, .vcpu) || options.goOnWhenFull }
        guard let player, accountForPlaying(host.icount, player) else { return false }
        guard player.isNext(kind, at: state.icount) else {
            noteAsked(kind)
            return false
        }
        consume(player)
        return true
    }

    private func has(_ kind: EventKind, _ function: StaticString) -> Bool {
        guard isPlaying, refusalInRun(.vcpu, function) == nil, let player else { return false }
        guard accountForPlaying(host.icount, player) else { return false }
        if player.isNext(kind, at: state.icount) { return true }
        replay_watch_ask(watch, ThreadRoles.mine.bits)
        return false
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
        icount = session.state.icount
        eventIndex = session.player?.nextIndex ?? 0
        roles = ThreadRoles.mine.bits
        history = session.player?.history ?? ""
    }
}
