import CReplay
import ReplayLog
import Synchronization

/// Configuration, start and end.
extension Session {
    // MARK: Configuration

    package func configure(_ config: replay_config_t) -> Status {
        if let forkRefusal { return forkRefusal }
        guard !isConfigured else {
            return misuse(.wrongState, "the session is configured already")
        }
        errors.clear()
        do {
            let options = try Options(config, environment: isDefault ? replay_environment_options() : nil)
            let host = config.host.map { Host($0, opaque: config.opaque) } ?? Host()
            try begin(options, host)
            takeLockIfTakenEarly()
            return .ok
        } catch {
            leave()
            return note(error)
        }
    }

    private func begin(_ options: Options, _ host: Host) throws(ReplayError) {
        let isLogged = options.mode != Int32(truncatingIfNeeded: REPLAY_MODE_NONE)
        if isLogged, let name = host.missingForLog {
            throw ReplayError(.invalidArgument, "the host's table lacks the callback \(name)")
        }
        self.options = options
        lints.store(options.lint, ordering: .relaxed)
        self.host = host
        epoch = replay_monotonic_ns()
        setClock(VirtualClock(shift: Self.shift(options.shift)))
        if isLogged {
            guard let name = options.fileName, !name.isEmpty else {
                throw ReplayError(.badOption, "option rrfile is needed to record or replay")
            }
            if options.mode == Int32(truncatingIfNeeded: REPLAY_MODE_RECORD) {
                try beginRecording(name)
            } else {
                try beginPlaying(name)
            }
            setFileName(name)
        }
        if !isLogged, let name = options.fileName {
            host.message(REPLAY_MESSAGE_WARNING, "nothing is recorded in \(name): the option rr is not given")
        }
        snapshotText = options.snapshot.map(\.asCText)
        if isDefault { replay_snapshot = snapshotText.map { UnsafePointer($0) } }
        face.withLock { $0.show(blockData: isLogged && self.options.blockData) }
        preparation.begin()
        isConfigured = true
    }

    /// nil: automatic.
    private static func shift(_ shift: Options.Shift) -> UInt8? {
        switch shift {
        case .unset: 0
        case .fixed(let shift): shift
        case .automatic: nil
        }
    }

    private func beginRecording(_ name: String) throws(ReplayError) {
        let shift = options.shift == .unset ? Options.Shift.fixed(0) : options.shift
        fingerprint[Key.shift] = shift.description
        fingerprint[Key.sleep] = sleeps ? "on" : "off"
        fingerprint[Key.blockData] = options.blockData ? "on" : "off"
        if !host.hasDigest, options.digestInterval > 0 {
            host.message(
                REPLAY_MESSAGE_WARNING, "no digests are recorded: the host's table has no digest callback")
            options.digestInterval = 0
        }
        fingerprint[Key.digestInterval] = "\(options.digestInterval)"
        state.nextDigest = options.digestInterval == 0 ? .max : options.digestInterval
        do {
            var logOptions = LogOptions(segmentSize: options.segmentBytes)
            logOptions.replaces = options.overwrites
            logOptions.startsLater = true
            let writer = try LogWriter(path: name, options: logOptions)
            writer.provideMetadata = { [unowned self] in metadata }
            enter(writer: writer, player: nil)
        } catch {
            var failure = ReplayError(error)
            if failure.status == .logNotFound { failure.status = .system }
            throw failure
        }
    }

    private var metadata: LogMetadata {
        LogMetadata(
            fingerprint: fingerprint.pairs, createdNs: options.createdNs,
            shift: Self.shift(options.shift) ?? 255)
    }

    private func beginPlaying(_ name: String) throws(ReplayError) {
        do {
            let reader = try LogReader(path: name)
            try adopt(Fingerprint(reader.metadata.fingerprint))
            enter(writer: nil, player: Player(reader))
        } catch let error as LogError {
            throw ReplayError(error)
        } catch let error as ReplayError {
            throw error
        } catch {
            throw ReplayError(.system, "the recording could not be opened")
        }
    }

    /// PLAY: what the user did not say is as it was recorded.
    private func adopt(_ recorded: Fingerprint) throws(ReplayError) {
        if recorded.pairs.isEmpty {
            throw ReplayError(.logEmpty, "the recording ended before its machine was complete")
        }
        guard let shift = recorded[Key.shift],
            shift == "auto" || (UInt8(shift) ?? .max) <= VirtualClock.maximalShift
        else { throw ReplayError(.logDamaged, "the recording does not say how it counted virtual time") }
        if options.shift == .unset {
            options.shift = shift == "auto" ? .automatic : .fixed(UInt8(shift) ?? 0)
        }
        if options.sleep == nil { options.sleep = recorded[Key.sleep] == "on" }
        options.blockData = recorded[Key.blockData] == "on"
        let interval = recorded[Key.digestInterval].flatMap { UInt64($0) } ?? 0
        options.digestInterval = interval
        state.nextDigest = interval == 0 ? .max : interval
        setClock(VirtualClock(shift: Self.shift(options.shift)))
        fingerprint[Key.shift] = options.shift.description
        fingerprint[Key.sleep] = sleeps ? "on" : "off"
        fingerprint[Key.blockData] = recorded[Key.blockData]
        fingerprint[Key.digestInterval] = recorded[Key.digestInterval]
    }

    /// While the guest sleeps, does virtual time follow real time?
    var sleeps: Bool { options.sleep ?? true }

    /// Keys of the fingerprint that are the library's.
    enum Key {
        static let shift = "replay.shift"
        static let sleep = "replay.sleep"
        static let blockData = "replay.rrdata"
        static let digestInterval = "replay.rrdigest"
        static func diskLength(_ name: String) -> ByteText {
            ByteText(Array("replay.".utf8) + name.fileBytes + Array(".length".utf8))
        }

        /// The disk that a key is of, or the key.
        static func device(_ key: ByteText) -> String {
            let (start, end) = (Array("replay.".utf8), Array(".length".utf8))
            guard key.bytes.starts(with: start), key.bytes.suffix(end.count).elementsEqual(end),
                key.bytes.count > start.count + end.count
            else { return key.description }
            return ByteText(key.bytes.dropFirst(start.count).dropLast(end.count)).description
        }
    }

    // MARK: Preparation

    package func tell(_ key: ByteText, _ value: ByteText) -> Status {
        if let forkRefusal { return forkRefusal }
        guard isConfigured, !isStarted else {
            return misuse(.wrongState, "the fingerprint's field \(key) was told outside of the preparation")
        }
        guard !key.bytes.isEmpty, !key.hasPrefix(Fingerprint.reserved) else {
            return misuse(.invalidArgument, "a fingerprint's field may not be called '\(key)'")
        }
        switch preparation.tell(key, value, isLimited: !isIdle) {
        case .taken: return .ok
        case .late:
            return misuse(.wrongState, "the fingerprint's field \(key) was told outside of the preparation")
        case .full:
            return misuse(
                .invalidArgument,
                "the fingerprint's field \(key) doesn't fit: a log holds \(Fingerprint.mostPairs) fields and 16 MiB"
            )
        }
    }

    package func block(_ reason: String) -> Status {
        if let forkRefusal { return forkRefusal }
        guard !isStarted else { return misuse(.wrongState, "a blocker was added after the start: \(reason)") }
        preparation.addBlocker(reason)
        return .ok
    }

    package func start() -> Status {
        if let forkRefusal { return forkRefusal }
        guard isConfigured, !isStarted else {
            return misuse(
                .wrongState, isStarted ? "the session is started already" : "the session is not configured")
        }
        if Preparation.isVisited {
            return misuse(.reentered, "replay_start was called while a disk is being opened")
        }
        preparation.end()
        if !isIdle, let reason = preparation.blocker {
            return refuse(ReplayError(.blocked, "record and replay are blocked: \(reason)", found: reason))
        }
        if let snapshot = options.snapshot { return refuse(noSnapshot(snapshot)) }
        if let writer {
            do {
                try writer.writeMetadata(metadata)
                // The older log is gone then: after all else that can fail.
                try writer.start()
            } catch { return refuse(ReplayError(error)) }
        }
        // Before anything else is compared: what else differs may follow from it.
        if let player, let refusal = differentMachine(from: player) { return refuse(refusal) }
        warnOfMissingDigest()
        // In this order: what a worker posts meanwhile is early, or finds events enabled.
        eventsEnabled.store(!isIdle, ordering: .releasing)
        isStarted = true
        if let player { publishNext(player) }
        startWatchdog()
        guard let (error, reason) = heldFailure else { return .ok }
        heldFailure = nil
        return fail(error, reason)
    }

    /// In NONE only a guest that can sleep can stand still.
    private func startWatchdog() {
        if isIdle, !host.canSleep { return }
        let watchdog = Watchdog(self, milliseconds: options.stallMilliseconds)
        if !watchdog.start() {
            host.message(
                REPLAY_MESSAGE_WARNING,
                "no thread could be started: a machine that stands still will not be reported")
        }
        self.watchdog = watchdog
    }

    private func warnOfMissingDigest() {
        guard let player, !host.hasDigest else { return }
        var hasDigests = options.digestInterval > 0
        if case .finished(let end) = player.reader.state, end.hasDigest { hasDigests = true }
        guard hasDigests else { return }
        warnOnce(
            "the recording has digests of the guest's state, but the host's table has no digest callback: the state is not compared"
        )
    }

    private func differentMachine(from player: Player) -> ReplayError? {
        let recorded = Fingerprint(player.reader.metadata.fingerprint)
        let differences = fingerprint.differences(from: recorded)
        guard let first = differences.first else { return nil }
        return ReplayError(
            .fingerprint, Fingerprint.describe(differences, room: ReplayError.messageRoom),
            expected: first.texts.recorded ?? "not given while recording",
            found: first.texts.here ?? "not given now", device: Key.device(first.key))
    }

    /// The machine may not run.
    private func refuse(_ error: ReplayError) -> Status {
        hasFailed = true
        _ = errors.stick(error)
        return error.status
    }

    // MARK: End

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
    private func leave() {
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
        runners.areStopped.store(false, ordering: .relaxed)
        preparation.removeBlockers()
        (audioIn, lastIOTurn, lastWake) = (nil, (.max, 0), (.max, false))
        (dueSince, owedShutdowns, lastShutdown) = ((.max, 0), [], nil)
        (isInSlice, flushPlace, missedCompletion, digestTaker) = (false, FlushPlace(), .max, .nobody)
        publishNothingDue()
        patience = Self.fullPatience
        told.withLock { $0.removeAll() }
        (budgetsBeforeTurn, warnedOfSleep, warnedOfAlignment) = (0, false, false)
        timerRuns = (.min, 0)
        watch.pointee = replay_watch_t()
        askedForWarp.store(false, ordering: .relaxed)
        arrived.removeAll()
        for _ in inbox.takeAll() {}
        devices.removeAll()
        hostRequests.withLock { $0.removeAll() }
        if isDefault { replay_snapshot = nil }
        snapshotText?.deallocate()
        snapshotText = nil
    }
}
