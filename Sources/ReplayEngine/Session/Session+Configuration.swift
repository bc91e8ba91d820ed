import CReplay
import ReplayLog
import ReplaySystem
import Synchronization

/// Configuration: from the host and, in PLAY, from the log.
extension Session {
    /// - Parameter prepare: reads the host's struct.
    package func configure(_ prepare: () throws(ReplayError) -> (Options, Host)) -> Status {
        if let forkRefusal { return forkRefusal }
        guard !isConfigured else {
            return misuse(.wrongState, "the session is already configured")
        }
        failures.errors.clear()
        // A call during the end of the last run was for that run.
        runners.areStopped.store(false, ordering: .relaxed)
        do {
            let (options, host) = try prepare()
            try begin(options, host)
            if !isIdle { prepareForFork() }
            takeLockIfTakenEarly()
            return .ok
        } catch {
            leave()
            return note(error)
        }
    }

    private func begin(_ options: Options, _ host: Host) throws(ReplayError) {
        let isLogged = options.mode != .none
        if isLogged, let name = host.missingForLog {
            throw ReplayError(
                .invalidArgument,
                host.identity.isEmpty
                    ? "to record or replay, the configuration needs the host's table: replay_config_t's host is NULL"
                    : "the host's table lacks the callback \(name)")
        }
        self.options = options
        shared.lints.store(options.lint, ordering: .relaxed)
        self.host = host
        shared.epoch.store(replay_monotonic_ns(), ordering: .relaxed)
        setClock(VirtualClock(shift: Self.shift(options.shift)))
        if isLogged {
            guard let name = options.fileName, !name.isEmpty else {
                throw ReplayError(.badOption, "option rrfile is required to record or replay")
            }
            if options.mode == .record {
                try beginRecording(name)
            } else {
                try beginPlaying(name)
            }
            setFileName(name)
        }
        if !isLogged, let name = options.fileName {
            host.message(
                .warning, "nothing is recorded in \(name), because the option rr is missing")
        }
        setSnapshotName(options.snapshot)
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
        preparation.fingerprint[Key.shift] = shift.description
        preparation.fingerprint[Key.sleep] = sleeps ? "on" : "off"
        preparation.fingerprint[Key.blockData] = options.blockData ? "on" : "off"
        if !host.hasDigest, options.digestInterval > 0 {
            host.message(
                .warning, "no digests are recorded: the host's table has no digest callback")
            options.digestInterval = 0
        }
        preparation.fingerprint[Key.digestInterval] = "\(options.digestInterval)"
        state.nextDigest = options.digestInterval == 0 ? .max : options.digestInterval
        try prepareRing()
        enter(LogUse(Recorder(try makeWriter(name, last: options.last))))
    }

    /// A log that isn't started yet.
    func makeWriter(_ name: String, last: LogRing.Limits = .init()) throws(ReplayError) -> LogWriter {
        do {
            var logOptions = LogOptions(segmentSize: options.segmentBytes)
            logOptions.replaces = options.overwrites
            logOptions.startsLater = true
            logOptions.last = last
            logOptions.faults = options.faults
            let writer = try LogWriter(path: name, options: logOptions)
            writer.provideMetadata = { [unowned self] in metadata }
            return writer
        } catch {
            var failure = ReplayError(error)
            if failure.status == .logNotFound { failure.status = .system }
            throw failure
        }
    }

    var metadata: LogMetadata {
        LogMetadata(
            fingerprint: preparation.fingerprint.pairs, createdNs: options.createdNs,
            shift: Self.shift(options.shift) ?? 255)
    }

    private func beginPlaying(_ name: String) throws(ReplayError) {
        do {
            let reader = try LogReader(path: name, faults: options.faults)
            if reader.metadata.isConverted {
                throw ReplayError(
                    .logNotALog,
                    "\(name) was converted from a different program's log; it can be read, but not replayed")
            }
            try adopt(Fingerprint(reader.metadata.fingerprint))
            enter(LogUse(Player(reader)))
        } catch let error as LogError {
            throw ReplayError(error)
        } catch let error as ReplayError {
            throw error
        } catch {
            throw ReplayError(.system, "the recording could not be opened")
        }
    }

    /// PLAY: options that the user didn't give are as they were recorded.
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
        preparation.fingerprint[Key.shift] = options.shift.description
        preparation.fingerprint[Key.sleep] = sleeps ? "on" : "off"
        preparation.fingerprint[Key.blockData] = recorded[Key.blockData]
        preparation.fingerprint[Key.digestInterval] = recorded[Key.digestInterval]
        preparation.fingerprint[Key.parent] = recorded[Key.parent]
    }

    /// While the guest sleeps, does virtual time follow real time?
    var sleeps: Bool { options.sleep ?? true }

    /// The library's own keys of the fingerprint.
    enum Key {
        static let shift = "replay.shift"
        static let sleep = "replay.sleep"
        static let blockData = "replay.rrdata"
        static let digestInterval = "replay.rrdigest"
        /// The log of which this one is a branch, and where.
        static let parent = "replay.parent"
        static func diskLength(_ name: String) -> ByteText {
            ByteText(Array("replay.".utf8) + name.fileBytes + Array(".length".utf8))
        }

        /// The name of the disk to which a key belongs, or the key.
        static func device(_ key: ByteText) -> String {
            let (start, end) = (Array("replay.".utf8), Array(".length".utf8))
            guard key.bytes.starts(with: start), key.bytes.suffix(end.count).elementsEqual(end),
                key.bytes.count > start.count + end.count
            else { return key.description }
            return ByteText(key.bytes.dropFirst(start.count).dropLast(end.count)).description
        }
    }
}
