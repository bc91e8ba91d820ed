import CReplay
import Glibc
import ReplayLog
import ReplaySystem
import Synchronization

/// Three kinds of failure: misuse by the host, which doesn't end the run; a
/// log that can't be written any more; a replay that differs from the recording.
extension Session {
    package var lastError: ReplayError? { isForked ? forkError : failures.errors.last }

    /// Notes a failure of one call.
    @discardableResult
    @inline(never)
    package func misuse(_ status: Status, _ message: String) -> Status {
        if let forkRefusal { return forkRefusal }
        tellOnce(status, message)
        var error = ReplayError(status, message)
        place(&error)
        failures.errors.note(error)
        return status
    }

    /// Reports misuse that would hang the machine, once, because hosts may ignore statuses;
    /// in lint mode reports all misuse, with the caller, each once.
    private func tellOnce(_ status: Status, _ message: String) {
        let isAlwaysTold = [.lockNotHeld, .wrongRole, .wrongState, .reentered].contains(status)
        let tellsAll = shared.lints.load(ordering: .relaxed)
        guard isConfigured, tellsAll || isAlwaysTold else { return }
        warnOnce(tellsAll ? "\(message) (caller: \(Self.caller))" : message)
    }

    /// A warning that is reported once, in lint mode or not.
    ///
    /// - Parameter key: identifies a warning whose text differs each time.
    func warnOnce(_ text: String, key: String? = nil) {
        if failures.isNewWarning(key ?? text) { host.message(.warning, text) }
    }

    /// Notes a failure that already has its details.
    @discardableResult
    func note(_ error: ReplayError) -> Status {
        failures.errors.note(error)
        return error.status
    }

    /// A warning in lint mode; otherwise does nothing.
    ///
    /// - Parameter key: as for ``warnOnce(_:key:)``.
    func lint(_ message: @autoclosure () -> String, key: String? = nil) {
        guard shared.lints.load(ordering: .relaxed) else { return }
        warnOnce("\(message()) (caller: \(Self.caller))", key: key)
    }

    /// A checkpoint orders the work of an I/O thread; without one it races
    /// with the vCPU thread, and a replay may have a different order.
    func lintOutsideOfCheckpoint(_ what: @autoclosure () -> String) {
        guard shared.lints.load(ordering: .relaxed), let recorder, ThreadRoles.mine == .io,
            icount != recorder.lastIOCheckpoint
        else {
            return
        }
        lint("\(what()) by the I/O thread does not follow a checkpoint of that thread")
    }

    static var caller: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { text in
            replay_name_caller(text.baseAddress, text.count)
            return text.baseAddress.map { String(cString: $0) } ?? ""
        }
    }

    func place(_ error: inout ReplayError) {
        error.icount = icountSeen
        // Other threads may not read the log.
        error.eventIndex = holdsLock ? player?.nextIndex ?? writer?.eventCount ?? 0 : eventsSeen
        error.roles = ThreadRoles.mine.bits
    }

    // MARK: Divergence

    private static let causesOfDifferentData =
        "; the image, the backend or the bytes from the host differ, or the guest left the recording earlier: "
        + "rrdigest=N finds where"

    private func causes(of status: Status) -> String {
        switch status {
        case .blockData: Self.causesOfDifferentData
        case .digest:
            if let same = state.sameDigest {
                "; no digest was compared since icount \(same): record with a smaller rrdigest=N to find where"
            } else if let loaded = state.loadedAt {
                "; no digest was compared since the snapshot at icount \(loaded) was loaded, which may be wrong"
            } else {
                "; no digest was compared before: record with rrdigest=N to find where"
            }
        default: ""
        }
    }

    /// PLAY: after a snapshot was loaded, it may be what is different.
    var adviceAfterGoingBack: String {
        let hasGoneBack = travel.snapshots != nil && shared.furthestIcount.load(ordering: .relaxed) > 0
        guard hasGoneBack, !shared.lints.load(ordering: .relaxed) else { return "" }
        return "; the replay has gone back: rrlint=on checks save_state and the dirty map"
    }

    /// The replayed guest left the recording: `found` instead of the log's next event.
    @discardableResult
    @inline(never)
    func diverge(
        _ found: String, status: Status = .divergence, expected: String? = nil, device: String = ""
    ) -> Status {
        // After a cut or damage nobody knows what the guest did next; after the end nothing
        // can be different.
        if let player, player.isBroken || player.endIsReported && status != .digest {
            return reachEnd(player)
        }
        let expected = expected ?? player?.nextDescription ?? ""
        let causes = causes(of: status) + adviceAfterGoingBack
        let sentence =
            "the replay left the recording at icount \(icount): expected \(expected), found \(found)\(causes)"
        var error = ReplayError(status, sentence, expected: expected, found: found, device: device)
        place(&error)
        error.history = player?.history ?? ""
        return fail(error, .divergence)
    }

    /// Ends the run with a failure that stays: reports it once, and stops the machine.
    @discardableResult
    func fail(_ error: ReplayError, _ reason: StopReason) -> Status {
        hasFailed = true
        if isPlaying, !isStarted { return hold(error, reason) }
        guard failures.errors.stick(error) else { return failures.errors.sticky?.status ?? error.status }
        tell(error, reason)
        return error.status
    }

    /// PLAY, before the start: holds the failure, because ``start()`` must first report a different machine, which may
    /// be the reason.
    private func hold(_ error: ReplayError, _ reason: StopReason) -> Status {
        if let held = failures.held { return held.error.status }
        failures.held = (error, reason)
        return note(error)
    }

    /// Reports a failure that stays to the host, and wakes the threads that wait.
    func tell(_ error: ReplayError, _ reason: StopReason) {
        // The end of a log that was cut isn't a failure.
        host.message(reason == .cut ? .warning : .error, error.message)
        stopMachine(reason, error)
        wakeVCPU()
        wakeIO()
    }

    func stopMachine(_ reason: StopReason, _ error: ReplayError?) {
        publishNothingDue()
        failures.stoppingThread.store(Self.thisThread, ordering: .relaxed)
        host.stop(reason, error)
        failures.stoppingThread.store(0, ordering: .relaxed)
    }

    /// Is this call made from within a callback that may not end the session?
    package var isInCallback: Bool {
        holdsLock && course.isFlushing || failures.stoppingThread.load(ordering: .relaxed) == Self.thisThread
            || runners.contains(Self.thisThread) || Preparation.isVisited || isCalling
    }

    private static var thisThread: UInt {
        UInt(bitPattern: replay_thread_self())
    }

    /// The status of a failed session, for calls that return one.
    var failure: Status { failures.errors.sticky?.status ?? failures.held?.error.status ?? .wrongState }

    /// PLAY goes to a place where nothing has failed yet.
    func clearFailure() {
        failures.errors.clear()
        failures.held = nil
        shared.hasFailed.store(false, ordering: .relaxed)
        updateQuickPaths()
    }

    // MARK: The log

    /// An event could not be written.
    @inline(never)
    func logFailed() -> Status {
        guard let writer else { return .wrongState }
        var error = ReplayError(
            writer.failure ?? writer.refusal
                ?? LogError(.misuse, "no more events can be written to \(writer.path)"))
        place(&error)
        return endRun(error)
    }

    /// Memory ran out for something that the guest does, so the run can't go on as it
    /// is recorded.
    @discardableResult
    func memoryRanOut(for what: String) -> Status {
        let sentence = "memory ran out for \(what)"
        if isIdle { return misuse(.noMemory, sentence) }
        return endRun(ReplayError(.noMemory, sentence, at: self))
    }

    /// Ends the recording or replay with a failure that stays. The guest of a recording may continue
    /// unrecorded.
    private func endRun(_ error: ReplayError) -> Status {
        if let writer, writer.failure == nil {
            let number = error.status == .noMemory ? ENOMEM : EINVAL
            writer.end(because: LogError(outside: error.message, SystemError(number)))
        }
        guard isRecording, options.goOnWhenFull else { return fail(error, .logError) }
        hasFailed = true
        guard failures.errors.stick(error) else { return failures.errors.sticky?.status ?? error.status }
        host.message(.error, "\(error.message); the guest continues unrecorded")
        return error.status
    }
}
