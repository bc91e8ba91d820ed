import ReplaySnapshots
import ReplaySystem

/// The snapshots of a run in memory: RAM in a store of pages, which a thread of the library fills, and with each the
/// state of host and engine as bytes.
///
/// The vCPU thread uses it.
final class Snapshots {
    let ram: GuestRAM
    private let staging: StagingBuffer
    private let worker: SnapshotWorker
    /// Those that were taken, in the order of their places. The store may have dropped some since.
    private(set) var labels: [SnapshotLabel] = []
    private var nextNumber: UInt64 = 0

    /// What the store may take, and what may wait for the thread.
    static let usualBudget = 256 << 20
    private static let stagingBytes = 24 << 20

    /// Stores RAM as it is now. Nil: memory ran out, or the thread can't be started.
    init?(_ regions: [RAMConfiguration], budget: Int = Snapshots.usualBudget) {
        guard let ram = GuestRAM(regions), let store = PageStore(ram.layout, budget: budget),
            let staging = StagingBuffer(ram.layout, memory: ram.memory, capacity: Self.stagingBytes)
        else { return nil }
        for (number, region) in regions.enumerated() {
            let bytes = UnsafeRawBufferPointer(
                start: region.bytes, count: Int(truncatingIfNeeded: region.length))
            guard store.addStart(region: number, bytes) else { return nil }
        }
        guard let worker = try? SnapshotWorker(staging, store) else { return nil }
        (self.ram, self.staging, self.worker) = (ram, staging, worker)
        ram.collect()
        ram.clean()
    }

    deinit { worker.stop() }

    // MARK: Take

    /// False: the thread is behind; try again later.
    func take(_ place: SnapshotPlace, isArrival: Bool, state: UnsafeRawBufferPointer, isKept: Bool = false)
        -> Bool
    {
        if staging.lost > 0 { worker.withStore { $0.lostPages(ram.mark) } }
        ram.collect()
        // Replay time is about proportional to the count.
        let label = SnapshotLabel(
            id: nextNumber &<< 1 | (isArrival ? 1 : 0), place: place, work: place.icount, isKept: isKept)
        guard labels.makeRoom(), staging.stage(ram.written, label: label, state: state) == .staged else {
            return false
        }
        ram.clean()
        nextNumber &+= 1
        labels.insert(label, at: labels.firstIndex { $0.place > place } ?? labels.count)
        return true
    }

    /// Does one exist in this range?
    func has(after first: UInt64, upTo last: UInt64) -> Bool {
        labels.contains { $0.place.icount > first && $0.place.icount <= last }
    }

    // MARK: Go back

    /// The last one from which the machine can run to an icount, and be there before the events.
    func nearest(before icount: UInt64) -> SnapshotLabel? {
        refresh()
        return labels.last { $0.place.icount < icount || $0.place.icount == icount && $0.isArrival }
    }

    /// The last one at or before a place.
    func nearest(atOrBefore place: SnapshotPlace) -> SnapshotLabel? {
        refresh()
        return labels.last { $0.place <= place }
    }

    /// Forgets those that the store has dropped.
    func refresh() { labels = worker.withStore { $0.labels } }

    /// A copy of the state that a snapshot has; nil: there is no such snapshot, or memory ran out.
    func state(of id: UInt64) -> RawBuffer? {
        worker.withStore { store in store.state(of: id).flatMap { RawBuffer(copying: $0) } }
    }

    /// Loads RAM. False: memory ran out, and RAM is neither here nor there.
    func load(_ id: UInt64) -> Bool {
        ram.collect()
        let result = worker.withStore {
            $0.restore(id, written: ram.written, memory: ram.memory, loaded: ram.noteLoaded)
        }
        guard case .restored = result else { return false }
        // What the host marks as it drops its caches is the snapshot's.
        ram.collect()
        ram.clean()
        return true
    }

    var statistics: (count: Int, bytes: Int, dropped: UInt64) {
        worker.withStore { ($0.labels.count, $0.budget.used, $0.dropped) }
    }
}

extension SnapshotLabel {
    /// Was it taken before the events of its icount?
    var isArrival: Bool { id & 1 != 0 }
}
