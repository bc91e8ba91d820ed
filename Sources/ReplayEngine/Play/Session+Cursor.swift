import CReplay
import ReplayLog

/// PLAY: the only way of an event out of the log, and the mirror of Session+Writing: account, look at the next
/// event, take it, wake the thread that owns the one after it.
extension Session {
    // MARK: Account

    /// PLAY: accounts the host's icount. False if the replay has failed, now or before.
    @inline(__always)
    func accountForPlaying(_ icount: UInt64, _ player: Player) -> Bool {
        if icount == self.icount { return !hasFailed }
        return accountProgress(icount, player)
    }

    private func accountProgress(_ icount: UInt64, _ player: Player) -> Bool {
        if hasFailed || player.isClosed { return false }
        if player.isFresh {
            diverge(
                "the host's icount \(icount)", expected: "icount \(self.icount), that of the loaded position")
            return false
        }
        if icount < self.icount {
            diverge(
                "an instruction count that went back from \(self.icount) to \(icount)",
                status: .icountBackwards)
            return false
        }
        let isTooFar = icount > player.nextIcount
        self.icount = icount
        if isTooFar {
            diverge(
                "the vCPU at icount \(icount), beyond its budget",
                expected: "\(player.nextDescription) (due at \(player.nextIcount))")
        }
        return !isTooFar
    }

    // MARK: Look

    /// PLAY: the rule of the next event, if the replay hasn't failed and the event is due.
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
    /// kind's rule decides what that means.
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
            // Nothing is next where the machine is paused, or hasn't gone to its beginning.
            if hasFailed || player.isFrozen { return false }
            passOver(player)
            if isMine(kind, player) { return true }
            let what = rule.way == .reading ? "a reading of \(kind.name)" : "\(kind.name)"
            diverge("\(what) by \(ThreadRoles.mine.description)")
            return false
        }
    }

    /// PLAY: takes an event without a payload, for a call.
    func take(_ kind: EventKind, _ player: Player) -> Bool {
        guard accountForPlaying(host.icount, player), mayTake(kind, player) else { return false }
        consume(player)
        return true
    }

    /// PLAY: consumes the next event; the one after it may belong to a different thread.
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

    /// PLAY: consumes an event whose order relative to the vCPU thread's flushes isn't fixed.
    func consumeUnordered(_ player: Player) {
        state.unorderedEvents &+= 1
        consume(player)
    }

    // MARK: Wake

    /// PLAY: wakes the thread that owns the next event, once when it becomes next and once when it is due.
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

    /// PLAY: skips events that come before the calling thread's own event and that it doesn't lead to:
    /// readings that the I/O thread made and hasn't repeated, which only go to the cache, and shutdowns,
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

    /// PLAY, in a flush: the same for shutdowns from outside only. The I/O thread may still repeat its readings.
    func passOverShutdowns(_ player: Player) {
        while dueRule(player)?.way == .shutdown, player.next.cause.origin == .outside {
            player.owedShutdowns.append(takeShutdown(player))
        }
    }

    /// PLAY, in an iteration of an I/O thread's loop: skips a reading that has been due for longer than the patience,
    /// because the loop won't repeat it.
    ///
    /// - Returns: was it skipped?
    @discardableResult
    func passOverUnrepeatedReading(_ player: Player) -> Bool {
        guard dueRule(player)?.way == .reading, player.next.role == .io, ThreadRoles.mine.overlaps(.io),
            player.isUnrepeated(realTime)
        else { return false }
        player.patience /= 2
        passReading(player)
        return true
    }

    /// PLAY: consumes a reading into the cache.
    func passReading(_ player: Player) {
        if let kind = player.next.knownKind { cache(kind, player.next.clockValue) }
        consume(player)
    }
}
