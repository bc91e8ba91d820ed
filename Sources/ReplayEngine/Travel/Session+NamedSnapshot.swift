import ReplaySnapshots
import ReplaySystem

/// The snapshot that the configuration names (rrsnapshot).
extension Session {
    package func initSnapshot() -> Status {
        course.hasInitializedSnapshot = true
        guard let name = options.snapshot else { return .ok }
        if let refusal = refusalOfNamed(name) { return note(refusal) }
        if let status = refusalOfPosition("replay_vmstate_init") { return status }
        if isInCallback {
            return misuse(.reentered, "replay_vmstate_init was called from within a callback of the host")
        }
        if let error = diskWithoutWay { return note(error) }
        if travel.snapshots == nil { beginSnapshots() }
        guard let snapshots = travel.snapshots else {
            return note(namedError(.notSupported, travel.obstacle ?? "there are no snapshots"))
        }
        defer {
            travel.nextLook = min(travel.nextLook, icount)
            travel.publishBarrier()
            publishSnapshotCount()
            updateStop()
        }
        guard let player else { return make(name, snapshots) }
        guard take(snapshots, isKept: true) else { return notHere() }
        guard let label = snapshots.find(name), isReady(label, snapshots) else {
            let file = (fileName.map { String(fileName: $0) } ?? "") + SnapshotStorage.suffix
            let hasFile = (try? Syscalls(faults: options.faults).status(path: file).get()) != nil
            let reason =
                snapshots.missing(before: nil)
                ?? (hasFile ? "\(file) has no such snapshot of this recording" : "there is no file \(file)")
            return note(namedError(.position, reason))
        }
        return load(label, player, isWanted: true) != nil ? .ok : failure
    }

    /// At the end: warns if rrsnapshot had no effect.
    func reportUnusedSnapshot() {
        guard let name = options.snapshot, isStarted, !course.hasInitializedSnapshot else { return }
        host.message(
            .warning,
            "rrsnapshot=\(name) had no effect: the host did not call replay_vmstate_init() after replay_start()"
        )
    }

    /// What every mode and machine must have.
    func refusalOfNamed(_ name: String) -> ReplayError? {
        if isIdle { return namedError(.notSupported, "the session neither records nor replays") }
        if options.snapshots == .off { return namedError(.notSupported, "snapshots are off (rrsnap=off)") }
        if host.savesState { return nil }
        return namedError(.notSupported, "the host's table has no save_state and load_state")
    }

    private func make(_ name: String, _ snapshots: Snapshots) -> Status {
        guard snapshots.isWritten else {
            return note(namedError(.system, snapshots.remarks.last ?? "its file could not be opened"))
        }
        guard take(snapshots, isKept: true, name: name) else { return notHere() }
        guard snapshots.settle(SnapshotPlace(icount: icount, event: events)) else {
            return note(namedError(.noMemory, "memory ran out"))
        }
        if let failure = snapshots.fileFailure { return note(namedError(.system, failure)) }
        return .ok
    }

    private func notHere() -> Status {
        let reason = travel.obstacle ?? obstacle(resubmitting: true) ?? "memory ran out"
        return note(namedError(travel.obstacle == nil ? .notQuiet : .notSupported, reason))
    }

    private func namedError(_ status: Status, _ reason: String) -> ReplayError {
        let name = options.snapshot ?? ""
        return ReplayError(
            status, "the snapshot '\(name)' can't be \(isPlaying ? "loaded" : "made"): \(reason)", at: self)
    }
}
