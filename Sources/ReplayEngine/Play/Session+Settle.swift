import CReplay
import ReplayLog

/// PLAY: what the engine itself delivers: shutdowns that nobody asks for, and what comes after the last event.
extension Session {
    /// PLAY: delivers what is due and may be delivered here, and wakes the thread that owns the next event.
    func settle(_ place: DeliveryPlace, _ player: Player) {
        if hasFailed { return }
        deliverOwedShutdowns(player)
        if mayDeliverShutdown(player, place) { deliverShutdown(player) }
        guard !hasFailed, icount == player.nextIcount else { return }
        if player.ending == nil { wakeWhoeverActs(player) } else { reachEnd(player) }
    }

    /// PLAY, a thread releases the lock: a host with its own loops takes no turn and asks for no budget
    /// while its guest sleeps.
    @inline(__always)
    func settleAtRelease() {
        guard let player = hotPlayer else { return }
        player._withUnsafeGuaranteedRef {
            if $0.nextIcount == icount || !$0.owedShutdowns.isEmpty { settleAtRelease($0) }
        }
    }

    @inline(never)
    private func settleAtRelease(_ player: Player) {
        guard !course.isFlushing, !hasFailed, isStarted, !player.endIsReported else { return }
        passOverUnrepeatedReading(player)
        settle(.release, player)
    }

    /// PLAY: the host ends the run: all that is due is delivered.
    func settleAtFinish(_ player: Player) {
        var index: UInt64
        repeat {
            index = player.nextIndex
            settle(.rest, player)
        } while player.nextIndex != index && !hasFailed
    }

    // MARK: Shutdowns

    /// PLAY: may the engine deliver the shutdown that is next? One of the guest's own course comes again
    /// by the host's call, unless nothing of that course is left here.
    func mayDeliverShutdown(_ player: Player, _ place: DeliveryPlace) -> Bool {
        guard !isDeliveringShutdown, dueRule(player)?.way == .shutdown else { return false }
        switch (ShutdownOrigin(cause: player.next.shutdownCause), place) {
        case (.outside, _), (.guest, .rest): return true
        case (.guest, .turn), (.guest, .release):
            return host.cpusIdle || player.isShutdownLate(realTime)
        }
    }

    /// PLAY: asks the host for the shutdown that is next; only for that one, because guest work may stand
    /// between it and another one at the same icount.
    private func deliverShutdown(_ player: Player) {
        player.owedShutdowns.append(takeShutdown(player))
        deliverOwedShutdowns(player)
    }

    func takeShutdown(_ player: Player) -> Int32 {
        let cause = player.next.shutdownCause
        consumeUnordered(player)
        state.shutdownCause = cause
        player.lastShutdown = cause
        return cause
    }

    private func requestShutdownOfHost(_ cause: Int32) {
        if !host.takesShutdown {
            lint("a shutdown is due, but the host's table has no shutdown callback")
        }
        inHost(isShutdown: true) { host.shutdown(cause) }
    }

    /// In order, one after the other: what a callback's own calls add is delivered after it has returned.
    private func deliverOwedShutdowns(_ player: Player) {
        if player.owedShutdowns.isEmpty || isDeliveringShutdown { return }
        while !hasFailed, let cause = player.owedShutdowns.takeFirst() { requestShutdownOfHost(cause) }
    }

    /// PLAY: the host itself requests a shutdown. It is the next one if the causes fit; those from
    /// outside that come before it are delivered first. Others are somebody's wish of today.
    func takeRequestedShutdown(_ cause: Int32, _ player: Player) {
        deliverOwedShutdowns(player)
        let origin = ShutdownOrigin(cause: cause)
        while dueRule(player)?.way == .shutdown {
            let next = player.next.shutdownCause
            let nextOrigin = ShutdownOrigin(cause: next)
            if next == cause || nextOrigin == .guest && origin == .guest { return deliverShutdown(player) }
            guard nextOrigin == .outside, origin == .guest else { return }
            deliverShutdown(player)
        }
    }
}
