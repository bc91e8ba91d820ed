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
            host.message(.warning, "a snapshot at icount \(label.place.icount) isn't used: \(reason)")
        case .noRoom(let reason): reportNoRoom(reason)
        }
        return false
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
        guard let position = try? state.position(self.state.timers) else { return nil }
        return player?.isOfThisLog(position) == true ? nil : "it is of a different recording"
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

    /// Takes the machine to a snapshot that is ready. False: the replay has failed.
    func load(_ label: SnapshotLabel, _ player: Player) -> Bool {
        player.thaw()
        guard let snapshots = travel.snapshots, let bytes = snapshots.state(of: label.id) else {
            return failToLoad("memory ran out", .noMemory)
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
                return failToLoad("the host refused its state (replay_host::load_state)", .position)
            }
            if !rest.isEmpty {
                let unread = "replay_host::load_state left \(rest.count) bytes of what save_state wrote"
                return failToLoad(unread, .position)
            }
            if let left {
                return failToLoad("replay_host::load_state did not submit again the \(left)", .position)
            }
        } catch {
            return failToLoad(error.message, error.status)
        }
        lintLoaded(label)
        player.noteArrival(label.isArrival)
        travel.pace.restart(icount, Syscalls.threadTime)
        travel.nextLook = nextLook
        return true
    }

    private func failToLoad(_ reason: String, _ status: Status) -> Bool {
        // The machine ends, which isn't a pause.
        abandonJourney()
        shared.isHalted.store(false, ordering: .relaxed)
        fail(ReplayError(status, "a snapshot can't be loaded: \(reason)", at: self), .divergence)
        return false
    }
}
