import ReplayLog
import ReplaySnapshots
import ReplaySystem
import Synchronization

/// PLAY: a log that has only a part of its run. The machine starts as it did when it was recorded; before its first
/// slice it goes to a snapshot of `NAME.snap`, the first one that the log has the events after. Until then nothing
/// is next.
extension Session {
    /// At the start: why the log can't be replayed by this host.
    func refusalOfBegin(_ player: Player) -> ReplayError? {
        guard let begin = player.reader.begin else { return nil }
        guard options.snapshots != .off else {
            return beginError(.notSupported, begin, "snapshots are off (rrsnap=off)")
        }
        guard host.savesState else {
            return beginError(
                .notSupported, begin, "the host's table has no save_state and load_state to go there")
        }
        if let disk = diskWithoutWay { return beginError(.notSupported, begin, disk.message) }
        let path = snapshotPath
        guard case .failure(let error) = Syscalls(faults: options.faults).status(path: path) else {
            return nil
        }
        return beginError(.position, begin, "its snapshots, \(path), can't be opened: \(error)")
    }

    /// Before the first slice.
    func goToBegin() {
        guard let player, let begin = player.reader.begin, travel.goesToBegin else { return }
        travel.goesToBegin = false
        guard let snapshots = travel.snapshots else {
            return failToBegin(begin, travel.obstacle ?? "there are no snapshots")
        }
        guard let first = ready({ $0.labels.first }) else {
            let reason = snapshots.missing(before: nil) ?? snapshots.remarks.last
            let remark = reason.map { ": \($0)" } ?? ""
            return failToBegin(begin, "\(snapshotPath) has no snapshot that can be used there\(remark)")
        }
        guard let place = load(first, player)?.place else { return }
        shared.firstIcount.store(place.icount, ordering: .relaxed)
        snapshots.noteBegun()
        // Breakpoints there count: nothing was executed yet.
        travel.resumedAt = nil
    }

    private func failToBegin(_ begin: LogBegin, _ reason: String) {
        fail(beginError(.position, begin, reason), .logError)
    }

    private func beginError(_ status: Status, _ begin: LogBegin, _ reason: String) -> ReplayError {
        let name = fileName.map { String(fileName: $0) } ?? ""
        var error = ReplayError(
            status, "\(name) begins at icount \(begin.icount), and can't be replayed from there: \(reason)")
        (error.icount, error.eventIndex) = (begin.icount, begin.event)
        return error
    }

    /// The file of snapshots that is beside the log.
    var snapshotPath: String { (fileName.map { String(fileName: $0) } ?? "") + SnapshotStorage.suffix }

    /// At the start: the icount of the first snapshot that the log has the events after; of a log that has all of its
    /// run 0. If it can't be used, the first slice finds another one.
    func firstPlace(_ player: Player) -> UInt64 {
        guard let begin = player.reader.begin else { return 0 }
        let file = try? SnapshotFileCopier(
            path: snapshotPath, log: player.reader.identity, system: Syscalls(faults: options.faults))
        let first = file?.labels.first { eventsOfLog.contains($0.place.event) }
        return first?.place.icount ?? begin.icount
    }

    /// Why a place can't be reached: it is before the first snapshot of a log that has only a part of its run. For any
    /// thread.
    func refusalOfPlace(icount: UInt64) -> String? {
        let first = shared.firstIcount.load(ordering: .relaxed)
        return icount < first
            ? "icount \(icount) is before icount \(first), the first place of this log that can be reached"
            : nil
    }
}
