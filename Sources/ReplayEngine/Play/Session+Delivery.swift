import CReplay
import ReplayLog

/// PLAY: what is next, who is woken for it, and what the engine itself delivers: shutdowns that nobody
/// asks for, and what comes after the last event.
extension Session {
    // MARK: The next event

    /// PLAY: takes the next event away; what comes then may be another thread's.
    @inline(__always)
    func consume(_ player: Player) {
        player.consume()
        state.events &+= 1
        didConsume(player)
    }

    private func didConsume(_ player: Player) {
        let isDue = player.nextIcount == state.icount
        if isDue || !ThreadRoles.mine.overlaps(.vcpu) { wakeWhoeverActs(player) }
        publishNext(player)
    }

    /// PLAY: takes an event that the vCPU thread's course does not order against its flushes.
    func consumeUnordered(_ player: Player) {
        state.unorderedEvents &+= 1
        consume(player)
    }

    /// PLAY: wakes the thread that owns what comes next, once when it comes next and once when it is due.
    func wakeWhoeverActs(_ player: Player) {
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

    // MARK: What the engine delivers

    /// PLAY: delivers what is due and may be delivered here, and wakes the thread that owns the next event.
    func settle(_ place: DeliveryPlace) {
        guard let player, isPlaying, !hasFailed else { return }
        deliverOwedShutdowns()
        if mayDeliverShutdown(player, place) { deliverShutdown(player) }
        guard !hasFailed, state.icount == player.nextIcount else { return }
        if player.ending == nil { wakeWhoeverActs(player) } else { reachEnd(player) }
    }

    /// PLAY, a thread releases the lock: a host with its own loops takes no turn and asks for no budget
    /// while its guest sleeps.
    @inline(__always)
    func settleAtRelease() {
        guard isPlaying, let player = hotPlayer else { return }
        player._withUnsafeGuaranteedRef {
            if $0.nextIcount == state.icount || !owedShutdowns.isEmpty { settleAtRelease($0) }
        }
    }

    @inline(never)
    private func settleAtRelease(_ player: Player) {
        guard !isFlushing, !hasFailed, isStarted, !player.endWasTold else { return }
        passOverReading(player)
        settle(.release)
    }

    /// PLAY: the host ends the run: all that is due is delivered.
    func settleAtFinish(_ player: Player) {
        var index: UInt64
        repeat {
            index = player.nextIndex
            settle(.rest)
        } while player.nextIndex != index && !hasFailed
    }

    // MARK: Shutdowns

    /// PLAY: may the engine deliver the shutdown that is next? One of the guest's own course comes again
    /// by the host's call, unless nothing of that course is left here.
    func mayDeliverShutdown(_ player: Player, _ place: DeliveryPlace) -> Bool {
        guard !hasFailed, !isDeliveringShutdown, player.isNext(.shutdown, at: state.icount) else {
            return false
        }
        switch (ShutdownOrigin(cause: player.shutdownCause), place) {
        case (.outside, _), (.guest, .rest): return true
        case (.guest, .turn), (.guest, .release):
            return host.cpusIdle || isLate(player)
        }
    }

    /// Has what is next been due for so long that nobody will ask for it?
    private func isLate(_ player: Player) -> Bool {
        if dueSince.index != player.nextIndex { dueSince = (player.nextIndex, realTime) }
        return realTime &- dueSince.time >= Self.fullPatience
    }

    /// PLAY: asks the host for the shutdown that is next; only for that one, because guest work may stand
    /// between it and another one at the same icount.
    func deliverShutdown(_ player: Player) {
        owedShutdowns.append(takeShutdown(player))
        deliverOwedShutdowns()
    }

    private func takeShutdown(_ player: Player) -> Int32 {
        let cause = player.shutdownCause
        consumeUnordered(player)
        state.shutdownCause = cause
        lastShutdown = cause
        return cause
    }

    private func requestShutdownOfHost(_ cause: Int32) {
        if !host.takesShutdown {
            lint("a shutdown is due, but the host's table has no shutdown callback")
        }
        inHost(isShutdown: true) { host.shutdown(cause) }
    }

    /// In order, one after the other: what a callback's own calls add is delivered after it has returned.
    private func deliverOwedShutdowns() {
        guard !isDeliveringShutdown else { return }
        while !hasFailed, let cause = owedShutdowns.takeFirst() { requestShutdownOfHost(cause) }
    }

    /// PLAY: the host itself requests a shutdown. It is the next one if the causes fit; those from
    /// outside that come before it are delivered first. Others are somebody's wish of today.
    func takeRequestedShutdown(_ cause: Int32, _ player: Player) {
        deliverOwedShutdowns()
        let origin = ShutdownOrigin(cause: cause)
        while !hasFailed, player.isNext(.shutdown, at: state.icount) {
            let next = player.shutdownCause
            let nextOrigin = ShutdownOrigin(cause: next)
            if next == cause || nextOrigin == .guest && origin == .guest { return deliverShutdown(player) }
            guard nextOrigin == .outside, origin == .guest else { return }
            deliverShutdown(player)
        }
    }

    // MARK: What a thread's own course passes over

    /// PLAY: passes over what comes before the calling thread's own event and is none of its course:
    /// readings that the I/O thread made and has not repeated, which only fed the cache, and shutdowns,
    /// which are delivered at the next place where the host expects callbacks.
    func passOver(_ player: Player) {
        while !hasFailed, player.ending == nil, player.nextIcount == state.icount,
            let kind = player.next.knownKind
        {
            switch kind.rule.way {
            case .reading where player.next.role == .io && !ThreadRoles.mine.overlaps(.io):
                cache(kind, player.next.a)
                consume(player)
            case .shutdown: owedShutdowns.append(takeShutdown(player))
            default: return
            }
        }
    }

    /// PLAY, a flush: the same, for shutdowns from outside. The I/O thread may still repeat its readings.
    func passOverShutdowns(_ player: Player) {
        while !hasFailed, player.isNext(.shutdown, at: state.icount),
            ShutdownOrigin(cause: player.shutdownCause) == .outside
        {
            owedShutdowns.append(takeShutdown(player))
        }
    }

    /// PLAY, an I/O thread's loop has come round: a reading that is due for longer than the patience
    /// will not be repeated.
    private func passOverReading(_ player: Player) {
        guard player.ending == nil, player.nextIcount == state.icount, player.next.role == .io,
            ThreadRoles.mine.overlaps(.io), let kind = player.next.knownKind, kind.rule.way == .reading
        else { return }
        if dueSince.index != player.nextIndex {
            dueSince = (player.nextIndex, realTime)
        } else if realTime &- dueSince.time >= patience {
            patience /= 2
            cache(kind, player.next.a)
            consume(player)
        }
    }
}
