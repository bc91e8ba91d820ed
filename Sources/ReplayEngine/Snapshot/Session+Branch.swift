import CReplay
import ReplayLog
import ReplaySystem
import Synchronization

/// PLAY becomes RECORD: a new log that begins with the events of the replayed one.
extension Session {
    package func branch(to path: String) -> Status {
        let function: StaticString = "replay_branch"
        if let status = refusalOfPosition(function) { return status }
        guard let player else { return misuse(.wrongMode, "\(function) was called while not replaying") }
        if isInCallback {
            return refuseWithinCallback(function)
        }
        // A recording that was cut goes on; any other failure says that this isn't its guest.
        if hasFailed, failure != .logCut { return failure }
        if let begin = player.reader.begin {
            let reason = "the log begins at icount \(begin.icount), and a branch has all events of its run"
            return note(ReplayError(.notSupported, "replay_branch is not possible: \(reason)", at: self))
        }
        if !player.owedShutdowns.isEmpty || course.audioIn != nil {
            return note(
                ReplayError(.notQuiet, "no branch is possible just before a shutdown or within audio samples")
            )
        }
        if options.blockData, !devices.allDisks.isEmpty {
            return note(
                ReplayError(.notSupported, "a disk whose data comes from the log (rrdata=on) can't branch"))
        }
        if !hasFailed {
            guard accountForPlaying(host.icount, player) else { return failure }
        }
        do throws(ReplayError) {
            let (writer, chains) = try makeBranch(player, path)
            beginRun(with: writer, path, chains)
            return .ok
        } catch {
            preparation.fingerprint[Key.parent] = player.parent
            return note(error)
        }
    }

    /// The new log, with everything up to here in it, and its checksums where snapshots are, by events.
    private func makeBranch(_ player: Player, _ path: String) throws(ReplayError)
        -> (LogWriter, [UInt64: UInt64])
    {
        var chains: [UInt64: UInt64] = [:]
        let writer = try makeWriter(path)
        do throws(LogError) {
            let chain = try player.chain()
            preparation.fingerprint[Key.parent] =
                "events \(player.nextIndex), icount \(icount), checksum \(chain.asHex)"
            try writer.writeMetadata(metadata)
            chains = try player.copyEvents(to: writer, places: placesForBranch(player))
            try writer.start()
        } catch {
            writer.abandon()
            throw ReplayError(error)
        }
        if let remark = writer.remark { host.message(.warning, remark) }
        return (writer, chains)
    }

    /// RECORD from here on. What has arrived before its place waits for the next flush.
    private func beginRun(with writer: LogWriter, _ path: String, _ chains: [UInt64: UInt64]) {
        watchdog?.stop()
        abandonJourney()
        travel.nextLook = .max
        let real = max(state.virtualRTClock, state.clock.now(icount))
        shared.epoch.store(replay_monotonic_ns() &- real, ordering: .relaxed)
        state.pauses = PauseCount()
        // As in a recording from the start: without the callback there is nothing to record.
        if !host.hasDigest { state.nextDigest = .max }
        publishNothingDue()
        queue.returnArrived()
        options.mode = .record
        enter(LogUse(Recorder(writer)))
        events = writer.eventCount
        clearFailure()
        runners.areStopped.store(false, ordering: .relaxed)
        shared.furthestIcount.store(0, ordering: .relaxed)
        setFileName(path)
        removeOldSnapshots()
        keepSnapshotsOfBranch(chains)
        updateStop()
        replay_watch_reset(watch)
        startWatchdog()
        wakeVCPU()
        wakeIO()
    }
}

extension Player {
    /// The parent that the replayed log names, if it is a branch itself.
    var parent: String? { Fingerprint(reader.metadata.fingerprint)[Session.Key.parent] }

    /// Appends all events before ``next`` to a log. The reader is where it was then.
    ///
    /// - Parameter places: numbers of events, in order. - Returns: the log's checksums before these.
    func copyEvents(to writer: LogWriter, places: [UInt64]) throws(LogError) -> [UInt64: UInt64] {
        let count = nextIndex
        defer { _ = try? chain() }
        try reader.seek(toEvent: 0)
        var chains: [UInt64: UInt64] = [:]
        var rest = places[...]
        for number in 0..<count {
            if rest.first == number { chains[rest.removeFirst()] = writer.chain }
            guard let event = try reader.next(), let kind = event.knownKind else {
                throw LogError(.damaged, "\(reader.path) has changed since it was opened")
            }
            let isWritten = writer.append(
                kind, event.role, event.icount, event.a, event.b, event.c, event.d, event.e, event.f,
                bytes: event.bytes)
            guard isWritten else {
                throw writer.failure ?? writer.refusal
                    ?? LogError(.misuse, "\(writer.path) takes no more events")
            }
        }
        if rest.first == count { chains[count] = writer.chain }
        return chains
    }
}
