import CReplay
import ReplayLog
import Synchronization

/// The end of a run: what is still queued, the end of the log, and a session as before.
extension Session {
    package func finish(_ end: replay_end_t = replay_end_t()) -> Status {
        if let forkRefusal { return forkRefusal }
        guard (0..<Int32(REPLAY_SHUTDOWN_COUNT)).contains(end.cause), end.on_purpose <= 1 else {
            return misuse(
                .invalidArgument, "there is no end with cause \(end.cause), on_purpose \(end.on_purpose)")
        }
        guard isConfigured else { return misuse(.wrongState, "the session is not configured") }
        if isInCallback {
            return misuse(.reentered, "replay_finish was called from within a callback of the host's")
        }
        // Nor from within what the end itself calls.
        return calling { endSession(end) }
    }

    private func endSession(_ end: replay_end_t) -> Status {
        preparation.end()
        watchdog?.stop()
        let held = replay_fair_lock_mine(lock)
        if !held { _ = replay_fair_lock_take(lock) }
        if isRecording || end.on_purpose == 0 { flushAtEnd() }
        let error = closeLog(end)
        isEnding.store(true, ordering: .releasing)
        enter(writer: nil, player: nil)
        runRest()
        closeDisks()
        runRest()
        reset()
        if !held { replay_fair_lock_give(lock) }
        noteChange()
        wakeIO()
        if let error {
            errors.note(error)
            return error.status
        }
        return .ok
    }

    /// What is still queued reaches the guest here and is part of the run: RECORD writes it, PLAY
    /// finds it in the log. The thread stands in for the vCPU thread, which has ended or waits.
    private func flushAtEnd() {
        guard isStarted, !isIdle, !hasFailed || options.goOnWhenFull else { return }
        let thread = replay_thread_self()
        let roles = thread.pointee.roles
        thread.pointee.roles |= ThreadRoles.vcpu.bits
        defer { thread.pointee.roles = roles }
        if let player, isPlaying { return playRest(player) }
        // What an event queues, too.
        for _ in 0..<Self.mostRounds where inbox.count > 0 { flushQueue(.finish) }
    }

    private func playRest(_ player: Player) {
        let icount = host.icount
        if icount > state.icount, icount <= player.nextIcount { state.icount = icount }
        var patience = 0
        while !hasFailed, state.icount == host.icount {
            settleAtFinish(player)
            guard player.ending == nil, player.nextIcount == state.icount,
                let kind = player.next.knownKind
            else { return }
            if kind.rule.way == .reading, player.next.role == .io {
                // The main loop that would repeat it has ended: it only fed the cache.
                cache(kind, player.next.a)
                consumeUnordered(player)
                continue
            }
            guard kind.isAsynchronous else { return }
            let index = player.nextIndex
            flushQueue(.finish)
            if player.nextIndex != index { continue }
            // Only a disk's completion is worth waiting for.
            guard devices.isAtWork(UInt64(bitPattern: player.next.a)), patience < 3000 else { return }
            patience += 1
            waitUnlocked(replay_change_count(change), 10_000_000)
        }
    }

    /// The log is closed. What came too late from outside doesn't reach the guest; who waits for a
    /// bottom half or a completion gets it.
    private func runRest() {
        inbox.drop(\.isExternal)
        runQueue()
    }

    /// Ends the log of a recording; looks whether a replay was whole.
    private func closeLog(_ given: replay_end_t) -> ReplayError? {
        defer { errors.loosen() }
        if let writer {
            reportUnusedDigestInterval()
            let failed = errors.sticky
            guard isStarted else {
                writer.abandon()
                return failed
            }
            let end = failed == nil ? endHere(given) : endOfFailure(given)
            do { try writer.finish(end) } catch { return failed ?? ReplayError(error) }
            if let remark = writer.remark { host.message(REPLAY_MESSAGE_WARNING, remark) }
            return failed
        }
        guard let player, isStarted else { return errors.sticky ?? heldFailure?.error }
        if !hasFailed {
            let icount = host.icount
            if icount > state.icount, icount <= player.nextIcount { state.icount = icount }
            settleAtFinish(player)
        }
        if let failed = errors.sticky { return failed }
        if player.endWasTold || given.on_purpose == 1 { return nil }
        let short = stoppedShort(player)
        return endsAtShutdown(player) ? errors.sticky : short
    }

    private func endHere(_ given: replay_end_t) -> LogEnd {
        LogEnd(
            cause: UInt32(bitPattern: given.cause == 0 ? causeOfEnd : given.cause),
            exitCode: given.exit_code, icount: max(host.icount, state.icount),
            digest: host.hasDigest ? digestOfHost() : 0, hasDigest: host.hasDigest)
    }

    /// A reset is what ended the run only if the machine did not go on after it.
    var causeOfEnd: Int32 {
        switch Int(state.shutdownCause) {
        case REPLAY_SHUTDOWN_HOST_RESET, REPLAY_SHUTDOWN_GUEST_RESET, REPLAY_SHUTDOWN_SUBSYSTEM_RESET,
            REPLAY_SHUTDOWN_SNAPSHOT_LOAD:
            max(host.icount, state.icount) == state.shutdownIcount
                ? state.shutdownCause : Int32(truncatingIfNeeded: REPLAY_SHUTDOWN_NONE)
        default: state.shutdownCause
        }
    }

    /// The guest has gone on since the failure: its state is not that of the log's last place.
    private func endOfFailure(_ given: replay_end_t) -> LogEnd {
        LogEnd(
            cause: UInt32(truncatingIfNeeded: REPLAY_SHUTDOWN_HOST_ERROR), exitCode: given.exit_code,
            icount: state.icount)
    }

    private func stoppedShort(_ player: Player) -> ReplayError {
        var error = ReplayError(
            .stoppedShort,
            "the replay was ended at icount \(state.icount), before \(player.nextDescription)",
            expected: player.nextDescription, found: "the end of the replay")
        error.icount = state.icount
        error.eventIndex = player.nextIndex
        error.roles = ThreadRoles.mine.bits
        error.history = player.history
        return error
    }

    /// As before the configuration, but for the error and the lock.
    func leave() {
        watchdog?.stop()
        watchdog = nil
        writer?.abandon()
        enter(writer: nil, player: nil)
        (host, options, fingerprint) = (Host(), Options(), Fingerprint())
        lints.store(false, ordering: .relaxed)
        resetState()
        withTimers { $0 = TimerList() }
        resetPauses()
        setClock(VirtualClock())
        setFileName(nil)
    }

    /// As after `init`, but for the error and the lock.
    private func reset() {
        leave()
        (isConfigured, isStarted, hasFailed, heldFailure) = (false, false, false, nil)
        eventsEnabled.store(false, ordering: .relaxed)
        isEnding.store(false, ordering: .relaxed)
        preparation.removeBlockers()
        (audioIn, lastIOTurn, lastWake) = (nil, (.max, 0), (.max, false))
        (dueSince, owedShutdowns, lastShutdown) = ((.max, 0), ShutdownQueue(), nil)
        (isInSlice, flushPlace, missedCompletion, digestTaker) = (false, FlushPlace(), .max, .nobody)
        publishNothingDue()
        patience = Self.fullPatience
        told.withLock { $0.removeAll() }
        (budgetsBeforeTurn, warnedOfSleep, warnedOfAlignment) = (0, false, false)
        timerRuns = (.min, 0)
        replay_watch_reset(watch)
        askedForWarp.store(false, ordering: .relaxed)
        arrived.removeAll()
        for _ in inbox.takeAll() {}
        devices.removeAll()
        hostRequests.withLock { $0.removeAll() }
        if isDefault { replay_snapshot_store(nil) }
        snapshotText?.deallocate()
        snapshotText = nil
    }
}
