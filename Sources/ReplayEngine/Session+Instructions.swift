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
        watchdog?.noteProgress(isDue: icount == player.nextIcount)
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
        if state.icount == player.nextIcount { settle() }
        return hasFailed ? failure : .ok
    }

    // MARK: Budget

    package func instructions() -> Int32 {
        if refusal(.vcpu, "replay_get_instructions") != nil || !mayRun { return 0 }
        guard isPlaying else { return .max }
        return Int32(clamping: playBudget())
    }

    package func budget(_ most: UInt64) -> UInt64 {
        if refusal(.vcpu, "replay_get_budget") != nil || !mayRun { return 0 }
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
        if state.icount == player.nextIcount { settle() }
        return hasFailed || player.endWasTold ? 0 : player.nextIcount &- state.icount
    }

    // MARK: What the engine itself does at its place

    /// PLAY: the next event is due. Does those that nobody asks for, and wakes
    /// whoever must act on the next one.
    func settle() {
        guard let player, isPlaying else { return }
        deliverShutdowns(player)
        guard !hasFailed, state.icount == player.nextIcount else { return }
        if player.ending == nil { wakeWhoeverActs(player) } else { reachEnd(player) }
    }

    /// PLAY: asks the host for the shutdowns that are due.
    func deliverShutdowns(_ player: Player) {
        while !hasFailed, player.isNext(.shutdown, at: state.icount) {
            let cause = Int32(truncatingIfNeeded: player.next.a)
            consume(player)
            state.shutdownCause = cause
            if !host.takesShutdown {
                lint("a shutdown is due, but the host's table has no shutdown callback")
            }
            inHost { host.shutdown(cause) }
        }
    }

    /// PLAY: takes the next event away; what comes then may be another thread's.
    @inline(__always)
    func consume(_ player: Player) {
        player.consume()
        state.events &+= 1
        didConsume(player)
    }

    private func didConsume(_ player: Player) {
        let isDue = player.nextIcount == state.icount
        watchdog?.noteProgress(isDue: isDue)
        if isDue || !ThreadRoles.mine.overlaps(.vcpu) { wakeWhoeverActs(player) }
    }

    /// PLAY: wakes the thread that what comes next belongs to, once when it comes
    /// next and once when it is due.
    private func wakeWhoeverActs(_ player: Player) {
        let isDue = player.nextIcount == state.icount
        guard lastWake != (player.nextIndex, isDue) else { return }
        lastWake = (player.nextIndex, isDue)
        let isIOs = player.ending == nil && player.next.role == .io && isDue
        if ThreadRoles.mine.overlaps(isIOs ? .io : .vcpu) {
            noteOwnNews()
        } else if isIOs {
            wakeIO()
        } else {
            wakeVCPU()
        }
    }

    /// PLAY: what stands behind the last event is reached, and told once.
    @discardableResult
    func reachEnd(_ player: Player) -> Status {
        guard !player.endWasTold, let ending = player.ending else { return failure }
        player.endWasTold = true
        watchdog?.noteEnd()
        let place = "icount \(state.icount), event \(player.nextIndex)"
        switch ending {
        case .finished(let end): return finishReplay(end)
        case .cut(let reason):
            let sentence = "the recording was cut behind \(place): \(reason)"
            return fail(ReplayError(.logCut, sentence, at: self), REPLAY_STOP_CUT)
        case .damaged(let error):
            var failure = ReplayError(.logDamaged, "the replay ends at \(place): \(error.message)", at: self)
            failure.status = ReplayError(error).status
            failure.systemError = error.errno
            return fail(failure, REPLAY_STOP_LOG_ERROR)
        }
    }

    /// PLAY: all was replayed; the state must be the recorded one.
    private func finishReplay(_ end: LogEnd) -> Status {
        if end.hasDigest, host.hasDigest {
            let digest = digestOfHost()
            if digest != end.digest { return differentDigest(digest, end.digest) }
        }
        stopMachine(REPLAY_STOP_END, nil)
        wakeIO()
        return .ok
    }

    func differentDigest(_ found: UInt64, _ recorded: UInt64) -> Status {
        let before = state.sameDigest.map { " (it was the same at icount \($0))" } ?? ""
        return diverge(
            "the state's digest \(found.asHex)\(before)", status: .digest,
            expected: "the state's digest \(recorded.asHex)")
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
        guard let player, accountForPlaying(host.icount, player), player.isNext(kind, at: state.icount) else {
            return false
        }
        consume(player)
        return true
    }

    private func has(_ kind: EventKind, _ function: StaticString) -> Bool {
        guard isPlaying, refusal(.vcpu, function) == nil, let player else { return false }
        return accountForPlaying(host.icount, player) && player.isNext(kind, at: state.icount)
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
