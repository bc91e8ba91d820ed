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
    /// The content of their disks.
    private var disks: [UInt64: DiskVersions] = [:]
    /// When there are so many, it is time to forget dropped ones.
    private var mostDisks = Snapshots.leastDisks
    private static let leastDisks = 64

    /// What the store may take, and what may wait for the thread.
    static let usualBudget = 256 << 20
    private static let stagingBytes = 24 << 20

    /// Stores RAM as it is now.
    init(
        _ regions: [RAMConfiguration], budget: Int = Snapshots.usualBudget, _ system: Syscalls = Syscalls()
    ) throws(SystemError) {
        let ram = try GuestRAM(regions, system)
        guard let store = PageStore(ram.layout, budget: budget),
            let staging = StagingBuffer(ram.layout, memory: ram.memory, capacity: Self.stagingBytes)
        else { throw .noMemory }
        for (number, region) in regions.enumerated() {
            let bytes = UnsafeRawBufferPointer(
                start: region.bytes, count: Int(truncatingIfNeeded: region.length))
            guard store.addStart(region: number, bytes) else { throw .noMemory }
        }
        worker = try SnapshotWorker(staging, store, system: system)
        (self.ram, self.staging) = (ram, staging)
    }

    deinit { worker.stop() }

    // MARK: Take

    /// False: the thread is behind; try again later.
    func take(
        _ place: SnapshotPlace, isArrival: Bool, state: [UInt8], disks: DiskVersions, isKept: Bool = false
    ) throws(SystemError) -> Bool {
        if staging.lost > 0 { worker.withStore { $0.lostPages(ram.mark) } }
        try ram.collect()
        // Replay time is about proportional to the count.
        let label = SnapshotLabel(
            id: nextNumber &<< 1 | (isArrival ? 1 : 0), place: place, work: place.icount, isKept: isKept)
        let isStaged =
            labels.makeRoom() && (disks.isEmpty || makeRoomForDisks())
            && ram.written.withUnsafeBufferPointer { pages in
                state.withUnsafeBytes { staging.stage(pages, label: label, state: $0) }
            } == .staged
        guard isStaged else {
            ram.keep()
            return false
        }
        ram.clean()
        nextNumber &+= 1
        if !disks.isEmpty { self.disks[label.id] = disks }
        labels.insert(label, at: labels.firstIndex { $0.place > place } ?? labels.count)
        return true
    }

    /// False: memory ran out.
    private func makeRoomForDisks() -> Bool {
        if disks.count >= mostDisks {
            refresh()
            mostDisks = 2 &* disks.count &+ Self.leastDisks
        }
        return CheckedMemory.has(4 &* (disks.count &+ 16) &* MemoryLayout<(UInt64, DiskVersions)>.stride)
    }

    func disks(of id: UInt64) -> DiskVersions { disks[id] ?? DiskVersions() }

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

    /// Forgets those that the store has dropped.
    func refresh() {
        labels = worker.withStore { $0.labels }
        if disks.isEmpty { return }
        let ids = Set(labels.map(\.id))
        disks = disks.filter { ids.contains($0.key) }
    }

    /// May one of these pages have been written between a snapshot and a later one? Nil: from the last one before
    /// this place until now.
    func mayHaveWritten(_ pages: [PageAddress], from start: SnapshotLabel, to end: SnapshotLabel?) -> Bool {
        guard let end else { return ram.mayHaveWritten(pages) }
        guard ram.listsEveryWrite else { return true }
        return worker.withStore { store in
            pages.contains { store.mayHaveWritten($0, from: start.id, to: end.id) }
        }
    }

    /// A copy of the state that a snapshot has; nil: there is no such snapshot, or memory ran out.
    func state(of id: UInt64) -> RawBuffer? {
        worker.withStore { store in store.state(of: id).flatMap { RawBuffer(copying: $0) } }
    }

    /// Loads RAM.
    func load(_ id: UInt64) throws(SystemError) {
        try ram.collect()
        let result = worker.withStore { store in
            ram.written.withUnsafeBufferPointer {
                store.restore(id, written: $0, memory: ram.memory, loaded: ram.noteLoaded)
            }
        }
        ram.clean()
        guard case .restored = result else { throw .noMemory }
    }

    var statistics: (count: Int, bytes: Int, dropped: UInt64) {
        worker.withStore { ($0.labels.count, $0.budget.used, $0.dropped) }
    }
}

extension SnapshotLabel {
    /// Was it taken before the events of its icount?
    var isArrival: Bool { id & 1 != 0 }
}
