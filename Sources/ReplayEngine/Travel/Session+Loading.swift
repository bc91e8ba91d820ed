import ReplayLog
import ReplaySnapshots
import ReplaySystem

/// PLAY: to a snapshot.
extension Session {
    /// The snapshot that `find` returns, ready to be loaded. One that can't be used is reported, and `find` is
    /// called again.
    ///
    /// - Parameter place: one at or before it isn't needed, and need not be ready.
    func ready(after place: UInt64? = nil, _ find: (Snapshots) -> SnapshotLabel?) -> SnapshotLabel? {
        guard let snapshots = travel.snapshots else { return nil }
        while let label = find(snapshots) {
            if let place, label.place.icount <= place { return label }
            if isReady(label, snapshots) { return label }
        }
        return nil
    }

    /// The same snapshot, if it can be loaded.
    func ready(_ label: SnapshotLabel?) -> SnapshotLabel? {
        guard let label, let snapshots = travel.snapshots else { return nil }
        return isReady(label, snapshots) ? label : nil
    }

    func isReady(_ label: SnapshotLabel, _ snapshots: Snapshots) -> Bool {
        let readiness = snapshots.prepare(
            label.id, missing: { state in missing(in: state) }, refusal: { state in refusal(of: state) },
            loadDisks: { (disks, reader) throws(ReplayError) in try loadDisks(disks, from: reader) })
        switch readiness {
        case .ready: return true
        case .dropped, .missing: break
        case .unusable(let reason):
            reportUnusable("a snapshot at icount \(label.place.icount) isn't used: \(reason)", cause: reason)
        case .noRoom(let reason): reportNoRoom(reason)
        }
        return false
    }

    /// Once for each cause.
    private func reportUnusable(_ message: String, cause: String) {
        guard travel.reportedUnusable.insert(cause).inserted else { return }
        host.message(.warning, message)
    }

    private func reportNoRoom(_ reason: String) {
        if travel.noRoomIsReported { return }
        travel.noRoomIsReported = true
        let file = (fileName.map { String(fileName: $0) } ?? "") + SnapshotStorage.suffix
        host.message(
            .warning,
            "while the disk is full, the snapshots of \(file) aren't used, and journeys take longer: \(reason) "
                + "(the option rroverlay names the folder for temporary overlays)")
    }

    /// What speaks against a snapshot from a file.
    private func refusal(of bytes: UnsafeRawBufferPointer) -> String? {
        guard let state = SnapshotState(bytes) else { return "its state is damaged" }
        if let reason = refusal(ofRequests: state.requests) { return reason }
        guard let position = try? state.position(self.state.timers) else { return nil }
        return player?.isOfThisLog(position) == true ? nil : "it is of a different recording"
    }

    /// The host must submit again what was under way.
    private func refusal(ofRequests bytes: UnsafeRawBufferPointer) -> String? {
        guard !bytes.isEmpty, let pending = PendingRequest.read(bytes) else { return nil }
        let disks = devices.allDisks.filter { !$0.resubmits }
        for request in pending {
            guard let disk = disks.first(where: { $0.number == request.disk }) else { continue }
            return "requests of \(disk.name) were under way, which this host doesn't submit again (resubmits)"
        }
        return nil
    }

    /// Which of its devices and timers doesn't exist now.
    private func missing(in bytes: UnsafeRawBufferPointer) -> String? {
        do throws(ReplayError) {
            return try SnapshotState(bytes)?.position(state.timers).devices.reasonAgainst(devices)
        } catch {
            return error.message
        }
    }

    /// A journey has come to the first snapshot that can be used: why to no earlier one?
    func reportMissing(before place: SnapshotPlace) {
        guard let reason = travel.snapshots?.missing(before: place), travel.reportedMissing != reason else {
            return
        }
        travel.reportedMissing = reason
        host.message(
            .warning, "the machine can't go back to before icount \(place.icount): \(reason)")
    }

    /// Takes the machine to a snapshot that is ready. If that is one of `NAME.snap` that the host refuses, to the last
    /// good one before it or, if there is none, to the first good one.
    ///
    /// - Parameter isWanted: only this one will do.
    /// - Returns: where the machine is; nil: the replay has failed.
    func load(_ label: SnapshotLabel, _ player: Player, isWanted: Bool = false) -> SnapshotLabel? {
        player.thaw()
        guard let snapshots = travel.snapshots else { return nil }
        guard let refusal = refusal(ofLoading: label, player, snapshots) else {
            snapshots.noteLoaded(label.id)
            return label
        }
        let source = snapshots.isGood(label.id) ? "" : " of \(snapshotPath)"
        let subject = "the snapshot at icount \(label.place.icount)\(source)"
        // What the host has read of it must be replaced by a state of which it is known that the host reads it.
        if !isWanted, !hasFailed, !snapshots.isGood(label.id) {
            snapshots.dropDoubtful()
            let good = ready { $0.labels.last { $0.place <= label.place } ?? $0.labels.first }
            if let good {
                host.message(
                    .warning,
                    "\(subject), and what else another process has written there, isn't used: "
                        + refusal.message)
                return load(good, player)
            }
        }
        failToLoad("\(subject) can't be loaded: \(refusal.message)", refusal.status)
        return nil
    }

    /// Loads it, and returns why that failed.
    private func refusal(ofLoading label: SnapshotLabel, _ player: Player, _ snapshots: Snapshots)
        -> ReplayError?
    {
        guard let bytes = snapshots.state(of: label.id) else {
            return ReplayError(.noMemory, "memory ran out")
        }
        do throws(ReplayError) {
            guard let parts = SnapshotState(bytes.readOnly), let pending = PendingRequest.read(parts.requests)
            else {
                throw EnginePosition.error("it is damaged")
            }
            try go(to: try parts.position(state.timers), player, isTrusted: true)
            do throws(SystemError) {
                try callingHost { () throws(SystemError) in try snapshots.load(label.id) }
            } catch {
                throw ReplayError(error, "RAM could not be loaded", device: "")
            }
            adopt(snapshots.disks(of: label.id))
            var rest = parts.host
            let (isRead, left) = resubmitting(pending) {
                onlooking(.load) {
                    host.loadState { target in
                        guard target.count <= rest.count else { return false }
                        target.copyBytes(from: rest.prefix(target.count))
                        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(target.count))
                        return true
                    }
                }
            }
            guard isRead else {
                return ReplayError(.position, "the host refused its state (replay_host::load_state)")
            }
            if !rest.isEmpty {
                let unread = "replay_host::load_state left \(rest.count) bytes of what save_state wrote"
                return ReplayError(.position, unread)
            }
            if let left {
                return ReplayError(.position, "replay_host::load_state did not submit again the \(left)")
            }
        } catch {
            return error
        }
        lintLoaded(label)
        player.noteArrival(label.isArrival)
        travel.pace.restart(icount, Syscalls.threadTime)
        travel.nextLook = nextLook
        return nil
    }

    private func failToLoad(_ message: String, _ status: Status) {
        // The machine ends, which isn't a pause.
        abandonJourney()
        shared.isHalted.store(false, ordering: .relaxed)
        fail(ReplayError(status, message, at: self), .divergence)
    }
}
