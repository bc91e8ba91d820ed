import ReplayLog

/// PLAY: what the engine delivers by itself: shutdowns that no call asks for, and the end of the log.
extension Session {
    /// PLAY: delivers what is due and may be delivered here, and wakes the thread that owns the next event.
    func settle(_ place: DeliveryPlace, _ player: Player) {
        if hasFailed || isHalted { return }
        deliverOwedShutdowns(player)
        if mayDeliverShutdown(player, place) { deliverShutdown(player) }
        guard !hasFailed, icount == player.nextIcount else { return }
        if player.ending == nil { wakeWhoeverActs(player) } else { reachEnd(player) }
    }

    /// PLAY, when a thread releases the lock: a host with its own loops takes no turn and asks for no budget
    /// while its guest sleeps.
    @inline(__always)
    func settleAtRelease() {
        if withPlayer({ $0.nextIcount == icount || !$0.owedShutdowns.isEmpty }) == true {
            withPinnedPlayer { settleAtRelease($0) }
        }
    }

    @inline(never)
    private func settleAtRelease(_ player: Player) {
        guard !course.isFlushing, !hasFailed, isStarted, !player.endIsReported else { return }
        passOverUnrepeatedReading(player)
        settle(.release, player)
    }

    /// PLAY, when the host ends the run: delivers everything that is due.
    func settleAtFinish(_ player: Player) {
        var index: UInt64
        repeat {
            index = player.nextIndex
            settle(.rest, player)
        } while player.nextIndex != index && !hasFailed
    }

    // MARK: Shutdowns

    /// PLAY: may the engine deliver the next event, a shutdown? The guest's own shutdown repeats itself
    /// by the host's call, unless the guest does nothing more at this icount.
    func mayDeliverShutdown(_ player: Player, _ place: DeliveryPlace) -> Bool {
        guard !isDeliveringShutdown, dueRule(player)?.way == .shutdown else { return false }
        switch (player.next.cause.origin, place) {
        case (.outside, _), (.guest, .rest): return true
        case (.guest, .turn), (.guest, .release):
            return host.cpusIdle || player.isShutdownLate(realTime)
        }
    }

    /// PLAY: delivers the next shutdown, and only that one, because there may be guest work
    /// between it and another one at the same icount.
    private func deliverShutdown(_ player: Player) {
        if !player.next.cause.isReset, staysHere() { return }
        // The guest didn't ask for it, so it goes on.
        if player.next.cause.origin == .outside, !player.next.cause.isReset, goesLive("its user ended it") {
            return
        }
        player.owedShutdowns.append(takeShutdown(player))
        deliverOwedShutdowns(player)
    }

    func takeShutdown(_ player: Player) -> ShutdownCause {
        let cause = player.next.cause
        consumeUnordered(player)
        (state.shutdownCause, state.shutdownIcount) = (cause, icount)
        player.lastShutdown = cause
        return cause
    }

    private func requestShutdownOfHost(_ cause: ShutdownCause) {
        if !host.takesShutdown {
            lint("a shutdown is due, but the host's table has no shutdown callback")
        }
        inHost(isShutdown: true) { host.shutdown(cause) }
    }

    /// In order, one at a time: what a callback's own calls add is delivered after it has returned.
    private func deliverOwedShutdowns(_ player: Player) {
        if player.owedShutdowns.isEmpty || isDeliveringShutdown { return }
        while !hasFailed, let cause = player.owedShutdowns.first {
            if !cause.isReset, staysHere() { return }
            _ = player.owedShutdowns.takeFirst()
            requestShutdownOfHost(cause)
        }
    }

    /// PLAY: the host requests a shutdown. If the causes match it is the next one; those from
    /// outside that come before it are delivered first. Any other request isn't in the recording, and is ignored.
    func takeRequestedShutdown(_ cause: ShutdownCause, _ player: Player) {
        deliverOwedShutdowns(player)
        let origin = cause.origin
        while dueRule(player)?.way == .shutdown {
            let (index, next) = (player.nextIndex, player.next.cause)
            let nextOrigin = next.origin
            if next == cause || nextOrigin == .guest && origin == .guest { return deliverShutdown(player) }
            guard nextOrigin == .outside, origin == .guest else { return }
            deliverShutdown(player)
            // The machine stays there.
            if player.nextIndex == index { return }
        }
    }
}
