import ReplayLog
import ReplaySystem
import Synchronization

/// Preparation and start: fields and blockers from devices, and the comparison with the recorded machine.
extension Session {
    package func tell(_ key: ByteText, _ value: ByteText) -> Status {
        if let forkRefusal { return forkRefusal }
        guard isConfigured, !isStarted else {
            return misuse(
                .wrongState,
                "the fingerprint's field \(key) can be given only between replay_configure() and replay_start()"
            )
        }
        guard !key.bytes.isEmpty, !key.hasPrefix(Fingerprint.reserved) else {
            return misuse(.invalidArgument, "a fingerprint's field may not be called '\(key)'")
        }
        switch preparation.tell(key, value, isLimited: !isIdle) {
        case .taken: return .ok
        case .late:
            return misuse(
                .wrongState,
                "the fingerprint's field \(key) can be given only between replay_configure() and replay_start()"
            )
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
                .wrongState, isStarted ? "the session has already started" : "the session is not configured")
        }
        if Preparation.isVisited {
            return misuse(.reentered, "replay_start was called while a disk is being opened")
        }
        preparation.end()
        if !isIdle, let reason = preparation.blocker {
            return refuse(ReplayError(.blocked, "record and replay are blocked: \(reason)", found: reason))
        }
        if let refusal = options.snapshot.flatMap({ refusalOfNamed($0) }) ?? refusalOfRing {
            return refuse(refusal)
        }
        if let writer {
            do {
                try writer.writeMetadata(metadata)
                // This replaces the older log, so it comes after everything else that can fail.
                try writer.start()
            } catch { return refuse(ReplayError(error)) }
            removeOldSnapshots()
            if let remark = writer.remark { host.message(.warning, remark) }
        }
        // Compared first, because other differences may follow from it.
        if let player, let refusal = differentMachine(from: player) { return refuse(refusal) }
        if let refusal = player.flatMap({ refusalOfBegin($0) }) { return refuse(refusal) }
        warnOfMissingDigest()
        // In this order, so that what a worker posts meanwhile is either early or queued.
        shared.eventsEnabled.store(!isIdle, ordering: .releasing)
        isStarted = true
        prepareTravel()
        if let player {
            if travel.goesToBegin { player.freeze() } else { publishNext(player) }
        }
        startWatchdog()
        guard let (error, reason) = failures.held else { return .ok }
        failures.held = nil
        return fail(error, reason)
    }

    /// In NONE only a guest that can sleep can hang.
    func startWatchdog() {
        if isIdle, !host.canSleep { return }
        let watchdog = Watchdog(self, milliseconds: options.stallMilliseconds)
        if !watchdog.start() {
            host.message(
                .warning,
                "no watchdog thread could be started: a machine that makes no progress will not be reported")
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
        let differences = preparation.fingerprint.differences(from: recorded)
        guard let first = differences.first else { return nil }
        return ReplayError(
            .fingerprint, Fingerprint.describe(differences, room: ReplayError.messageRoom),
            expected: first.texts.recorded ?? "not given while recording",
            found: first.texts.here ?? "not given now", device: Key.device(first.key))
    }

    /// Fails the start: the machine may not run.
    private func refuse(_ error: ReplayError) -> Status {
        hasFailed = true
        _ = failures.errors.stick(error)
        return error.status
    }
}
