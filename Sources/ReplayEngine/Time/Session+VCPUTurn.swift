import CReplay
import ReplayLog

/// The turn of the vCPU thread, before it executes: the digest, the queue, the shift, the end of a sleep,
/// the virtual timers.
extension Session {
    package func accountWarp() -> Status {
        if let refusal = refusal(.vcpu, "replay_account_warp_timer") { return refusal }
        if course.isFlushing {
            return misuse(.reentered, "replay_account_warp_timer was called from an event's callback")
        }
        noteVCPUTurn()
        hotRecorder?._withUnsafeGuaranteedRef { $0.noteVCPUTurn() }
        replay_watch_count(&watch.pointee.vcpu_turns)
        if hasFailed && !options.goOnWhenFull { return failure }
        guard machineRuns else { return .ok }
        if isPlaying { noteTurnForWatch() }
        withPinnedPlayer { playVCPUTurn($0) } ?? recordVCPUTurn()
        return hasFailed ? failure : .ok
    }

    // MARK: Record

    /// RECORD and NONE: the steps of ``EventRule/VCPUStep``, each at most once.
    private func recordVCPUTurn() {
        if isRecording, accountForWriting(host.icount) == nil, !options.goOnWhenFull { return }
        takeDigestInTurn()
        flushQueue(.turn)
        lookAtShift()
        if sleeps, withClock({ $0.warpStart != nil }), !host.cpusIdle, pass(.checkpointClockWarpAccount) {
            accountSleep()
        }
        if isVirtualTimerDue, pass(.checkpointClockVirtual) { runVirtualTimers() }
        warnOfAlignment()
    }

    // MARK: Play

    /// PLAY: each step takes an event only if it is next; the log decides the order. An event whose step isn't later
    /// belongs to the next turn, because there may be guest work in between.
    private func playVCPUTurn(_ player: Player) {
        runUnwritten()
        guard accountForPlaying(host.icount, player) else { return }
        player.isInSlice = false
        settle(.turn, player)
        takeDigestInTurn()
        if dueRule(player) != nil { flushQueue(.turn) }
        var last = EventRule.VCPUStep.flush
        while let rule = dueRule(player), player.next.role == .vcpu, let step = rule.vcpuStep {
            guard step.rawValue > last.rawValue else {
                // The flush is done, and waits for an arrival or for a different place.
                if step != last || step != .flush { wakeVCPU() }
                break
            }
            last = step
            let index = player.nextIndex
            play(step, player)
            if player.nextIndex == index { break }
        }
        settle(.turn, player)
    }

    private func play(_ step: EventRule.VCPUStep, _ player: Player) {
        switch step {
        case .digest, .flush: break  // already done
        case .shift:
            consume(player)
            lookAtShiftNow()
        case .sleep:
            consume(player)
            accountSleep()
        case .virtualTimers: playVirtualTimers(player)
        }
    }
}
