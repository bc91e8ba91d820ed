import CReplay
import Glibc
import ReplayLog
import Synchronization

/// Three kinds of failure: misuse by the host, which leaves the run as it is; a
/// log that can no longer be written; a replay that is not the recording.
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

    /// Misuse that makes a machine stand still is told even where nobody looks at
    /// statuses, once; the lint mode tells all, with the caller, each once.
    private func tellOnce(_ status: Status, _ message: String) {
        let isAlwaysTold = [.lockNotHeld, .wrongRole, .wrongState, .reentered].contains(status)
        let tellsAll = shared.lints.load(ordering: .relaxed)
        guard isConfigured, tellsAll || isAlwaysTold else { return }
        warnOnce(tellsAll ? "\(message), called from \(Self.caller)" : message)
    }

    /// A warning that is told once, lint mode or not.
    ///
    /// - Parameter key: what is reported once, if its text differs each time.
    func warnOnce(_ text: String, key: String? = nil) {
        if failures.isNewWarning(key ?? text) { host.message(REPLAY_MESSAGE_WARNING, text) }
    }

    /// Notes a failure that has its details already.
    @discardableResult
    func note(_ error: ReplayError) -> Status {
        failures.errors.note(error)
        return error.status
    }

    /// A warning of the lint mode; nothing without it.
    ///
    /// - Parameter key: as of ``warnOnce(_:key:)``.
    func lint(_ message: @autoclosure () -> String, key: String? = nil) {
        guard shared.lints.load(ordering: .relaxed) else { return }
        warnOnce("\(message()), called from \(Self.caller)", key: key)
    }

    /// An I/O thread's turn is where a checkpoint orders it; elsewhere it races
    /// with the vCPU thread, and a replay may find another order.
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
        // Other threads may not look at the log.
        error.eventIndex = holdsLock ? player?.nextIndex ?? writer?.eventCount ?? 0 : eventsSeen
        error.roles = ThreadRoles.mine.bits
    }

    // MARK: Divergence

    /// The replayed guest left the recording: `found` instead of what the log has next.
    @discardableResult
    @inline(never)
    func diverge(
        _ found: String, status: Status = .divergence, expected: String? = nil, device: String = ""
    ) -> Status {
        // Where a log was cut or damaged, nobody knows what the guest did next; after its end nothing
        // can be different.
        if let player, player.isBroken || player.endIsReported && status != .digest {
            return reachEnd(player)
        }
        let expected = expected ?? player?.nextDescription ?? ""
        let sentence =
            "the replay left the recording at icount \(icount): expected \(expected), found \(found)"
        var error = ReplayError(status, sentence, expected: expected, found: found, device: device)
        place(&error)
        error.history = player?.history ?? ""
        return fail(error, REPLAY_STOP_DIVERGENCE)
    }

    /// Ends the run with a failure that stays: tells it once, stops the machine.
    @discardableResult
    func fail(_ error: ReplayError, _ reason: Int) -> Status {
        hasFailed = true
        if isPlaying, !isStarted { return hold(error, reason) }
        guard failures.errors.stick(error) else { return failures.errors.sticky?.status ?? error.status }
        tell(error, reason)
        return error.status
    }

    /// PLAY, before the start: a different machine may be the reason, and ``start()`` reports that first.
    private func hold(_ error: ReplayError, _ reason: Int) -> Status {
        if let held = failures.held { return held.error.status }
        failures.held = (error, reason)
        return note(error)
    }

    /// Tells the host of a failure that stays, and whoever waits.
    func tell(_ error: ReplayError, _ reason: Int) {
        host.message(REPLAY_MESSAGE_ERROR, error.message)
        stopMachine(reason, error)
        wakeVCPU()
        wakeIO()
    }

    func stopMachine(_ reason: Int, _ error: ReplayError?) {
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

    /// The status of a session that has failed, for calls that answer one.
    var failure: Status { failures.errors.sticky?.status ?? failures.held?.error.status ?? .wrongState }

    // MARK: The log

    /// An event could not be written.
    @inline(never)
    func logFailed() -> Status {
        guard let writer else { return .wrongState }
        var error = ReplayError(
            writer.failure ?? writer.refusal ?? LogError(.misuse, "\(writer.path) takes no more events"))
        place(&error)
        return endRun(error)
    }

    /// There is no memory for something that the guest does: without it the run cannot go on as it
    /// is recorded.
    @discardableResult
    func memoryRanOut(for what: String) -> Status {
        let sentence = "memory ran out for \(what)"
        if isIdle { return misuse(.noMemory, sentence) }
        return endRun(ReplayError(.noMemory, sentence, at: self))
    }

    /// Ends the recording or replay with a failure that stays. The guest of a recording may go on
    /// unrecorded.
    private func endRun(_ error: ReplayError) -> Status {
        if let writer, writer.failure == nil {
            let number = error.status == .noMemory ? ENOMEM : EINVAL
            writer.end(because: LogError(outside: error.message, SystemError(number)))
        }
        guard isRecording, options.goOnWhenFull else { return fail(error, REPLAY_STOP_LOG_ERROR) }
        hasFailed = true
        guard failures.errors.stick(error) else { return failures.errors.sticky?.status ?? error.status }
        host.message(REPLAY_MESSAGE_ERROR, "\(error.message); the guest goes on unrecorded")
        return error.status
    }
}
