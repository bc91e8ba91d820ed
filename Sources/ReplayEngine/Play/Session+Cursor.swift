import CReplay
import ReplayLog

/// PLAY: the one way of an event out of the log, and the mirror of Session+Writing: account, look what is
/// next, take it, wake the thread that owns what comes then.
extension Session {
    // MARK: Account

    /// PLAY: takes over the host's icount. False if the replay has failed, now or before.
    @inline(__always)
    func accountForPlaying(_ icount: UInt64, _ player: Player) -> Bool {
        if icount == self.icount { return !hasFailed }
        return accountProgress(icount, player)
    }

    private func accountProgress(_ icount: UInt64, _ player: Player) -> Bool {
        if hasFailed { return false }
        if icount < self.icount {
            diverge(
                "the instruction count went back from \(self.icount) to \(icount)", status: .icountBackwards)
            return false
        }
        let isTooFar = icount > player.nextIcount
        self.icount = icount
        if isTooFar {
            diverge(
                "the vCPU ran on to icount \(icount)",
                expected: "\(player.nextDescription) (due at \(player.nextIcount))")
        }
        return !isTooFar
    }

    // MARK: Look

    /// PLAY: the rule of the next event, if the replay goes on and the event is due.
    @inline(__always)
    func dueRule(_ player: Player) -> EventRule? {
        hasFailed || player.nextIcount != icount ? nil : player.nextRule
    }

    /// PLAY: is an event of this kind next, due, and the calling thread's?
    @inline(__always)
    func isMine(_ kind: EventKind, _ player: Player) -> Bool {
        player.isNext(kind, at: icount) && ThreadRoles.mine.has(player.next.role)
    }

    // MARK: Take

    /// PLAY: a call asks for an event of a kind. True: it is next, and the caller takes it. Otherwise the
    /// kind's rule says what that means.
    @inline(__always)
    func mayTake(_ kind: EventKind, _ player: Player) -> Bool {
        isMine(kind, player) || askOutOfTurn(kind, player)
    }

    @inline(never)
    private func askOutOfTurn(_ kind: EventKind, _ player: Player) -> Bool {
        let rule = kind.rule
        switch rule.outOfTurn {
        case .later:
            noteAsked(kind)
            return false
        case .lastValue where !ThreadRoles.mine.overlaps(.vcpu):
            replay_watch_ask_kind(watch, kind.rawValue, ThreadRoles.mine.bits)
            return false
        case .divergence, .lastValue:
            if hasFailed { return false }
            passOver(player)
            if isMine(kind, player) { return true }
            let what = rule.way == .reading ? "a reading of \(kind.name)" : "\(kind.name)"
            diverge("\(what) by \(ThreadRoles.mine.description)")
            return false
        }
    }

    /// PLAY: a call that takes an event without a payload.
    func take(_ kind: EventKind, _ player: Player) -> Bool {
        guard accountForPlaying(host.icount, player), mayTake(kind, player) else { return false }
        consume(player)
        return true
    }

    /// PLAY: takes the next event away; what comes then may be another thread's.
    @inline(never)
    func consume(_ player: Player) { consumeQuickly(player) }

    @inline(__always)
    func consumeQuickly(_ player: Player) {
        player.consume()
        events &+= 1
        didConsume(player)
    }

    @inline(__always)
    private func didConsume(_ player: Player) {
        if player.nextIcount == icount || !ThreadRoles.mine.overlaps(.vcpu) { wakeWhoeverActs(player) }
        publishNext(player)
    }

    /// PLAY: takes an event that the vCPU thread's course does not order against its flushes.
    func consumeUnordered(_ player: Player) {
        state.unorderedEvents &+= 1
        consume(player)
    }

    // MARK: Wake

    /// PLAY: wakes the thread that owns what comes next, once when it comes next and once when it is due.
    func wakeWhoeverActs(_ player: Player) {
        let isDue = player.nextIcount == icount
        guard player.notesWake(isDue: isDue) else { return }
        let isIOs = player.ending == nil && player.next.role == .io && isDue
        if ThreadRoles.mine.overlaps(isIOs ? .io : .vcpu) {
            noteOwnNews()
        } else if isIOs {
            wakeIO()
        } else {
            wakeVCPU()
        }
    }

    // MARK: Pass over

    /// PLAY: passes over what comes before the calling thread's own event and isn't part of its course:
    /// readings that the I/O thread made and has not repeated, which only fed the cache, and shutdowns,
    /// which are delivered at the next place where the host expects callbacks.
    func passOver(_ player: Player) {
        while let rule = dueRule(player) {
            switch rule.way {
            case .reading where player.next.role == .io && !ThreadRoles.mine.overlaps(.io):
                passReading(player)
            case .shutdown: player.owedShutdowns.append(takeShutdown(player))
            default: return
            }
        }
    }

    /// PLAY, a flush: the same, for shutdowns from outside. The I/O thread may still repeat its readings.
    func passOverShutdowns(_ player: Player) {
        while dueRule(player)?.way == .shutdown, ShutdownOrigin(cause: player.next.shutdownCause) == .outside
        {
            player.owedShutdowns.append(takeShutdown(player))
        }
    }

    /// PLAY, an I/O thread's loop has come round: a reading that has been due for longer than the patience
    /// will not be repeated.
    ///
    /// - Returns: is it passed?
    @discardableResult
    func passOverUnrepeatedReading(_ player: Player) -> Bool {
        guard dueRule(player)?.way == .reading, player.next.role == .io, ThreadRoles.mine.overlaps(.io),
            player.isUnrepeated(realTime)
        else { return false }
        player.patience /= 2
        passReading(player)
        return true
    }

    /// PLAY: a reading only fed the cache.
    func passReading(_ player: Player) {
        if let kind = player.next.knownKind { cache(kind, player.next.clockValue) }
        consume(player)
    }
}
