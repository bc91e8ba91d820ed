import ReplaySystem

/// Where the vCPU thread leaves copies of the pages that it has written, for the library's thread.
///
/// Its memory is reserved once. ``stage(_:label:state:)`` copies and never waits for the other thread. One thread at a
/// time stages.
package final class StagingBuffer: @unchecked Sendable {
    // Sendable: the monitor guards what both threads use. The bytes of a batch belong to one thread at a time.

    package enum Result: Equatable, Sendable {
        case staged
        /// The other thread is behind. Nothing was copied: the pages stay dirty.
        case full
        /// A page doesn't exist. Nothing was copied.
        case invalid
    }

    /// A batch that was staged.
    struct Batch {
        var label: SnapshotLabel
        var start: UnsafeMutableRawPointer
        var pageCount: Int
        /// How many of them, the last ones, contain only zeros, and have no bytes here.
        var zeroCount = 0
        /// Of the others.
        var pageBytes = 0
        var stateCount: Int
        /// What it takes of the buffer, with what is left unused before it.
        var taken: Int
        /// It is too long for the buffer, and has memory of its own.
        var isOversize: Bool
        var listsEveryWrite = true
        var isForFile = true
        /// The disks that go to the file with it.
        var disks: [DiskState] = []

        static func length(pages: Int, pageBytes: Int, state: Int) -> Int {
            (pages &* MemoryLayout<PageAddress>.stride &+ pageBytes &+ state &+ 63) & ~63
        }

        var addresses: UnsafeMutablePointer<PageAddress> {
            start.assumingMemoryBound(to: PageAddress.self)
        }

        var pages: UnsafeMutableRawPointer { start + pageCount &* MemoryLayout<PageAddress>.stride }
    }

    private struct Region {
        var memory: RegionMemory
        var pageCount: UInt32
        var pageBytes: Int
    }

    private let regions: UnsafeMutablePointer<Region>
    private let regionCount: Int
    private let buffer: RawBuffer
    /// The batches that can wait at the same time.
    private static let most = 64
    let monitor = Monitor()

    // Guarded by the monitor.
    private var batches: [Batch] = []
    /// What was ever reserved, and what was released of it. Both count the bytes that are left unused.
    private var reserved = 0
    private var released = 0
    private var stagedCount: UInt64 = 0
    private var doneCount: UInt64 = 0
    private var oversizeCount = 0
    private var skippedCount: UInt64 = 0
    private var lostCount = 0
    private var isClosed = false

    /// Nil: memory runs out.
    ///
    /// - Parameter memory: the regions' bytes, which stay where they are. One for each region.
    package init?(_ layout: PageLayout, memory: [RegionMemory], capacity: Int) {
        guard memory.count == layout.regions.count,
            zip(memory, layout.regions).allSatisfy({ $0.fits($1) })
        else { return nil }
        // Not cleared, and not in large pages: getting one may take the kernel long, in the vCPU's turn.
        let buffer = RawBuffer()
        guard buffer.reserve(max(capacity, 64) & ~63) else { return nil }
        self.buffer = buffer
        regionCount = memory.count
        regions = .allocate(capacity: max(regionCount, 1))
        for (index, region) in layout.regions.enumerated() {
            (regions + index).initialize(
                to: Region(
                    memory: memory[index], pageCount: UInt32(truncatingIfNeeded: region.pageCount),
                    pageBytes: region.pageBytes))
        }
        batches.reserveCapacity(StagingBuffer.most)
    }

    deinit {
        for batch in batches where batch.isOversize { CheckedMemory.free(batch.start) }
        regions.deallocate()
    }

    /// The snapshots that were left out because the buffer was full.
    package var skipped: UInt64 { monitor.withLock { skippedCount } }

    /// How many pages the store has lost. The caller marks them dirty (``PageStore/lostPages(_:)``), because there is
    /// no new snapshot without them.
    package var lost: Int { monitor.withLock { lostCount } }

    // MARK: The vCPU thread

    /// Copies pages and state. The snapshot is made later.
    ///
    /// - Parameters:
    ///   - listsEveryWrite: a page that isn't in the list was not written, not even with what it had before.
    ///   - isForFile: the snapshot goes to the file too, if there is one.
    ///   - disks: those that the guest writes to, for the file.
    package func stage(
        _ addresses: UnsafeBufferPointer<PageAddress>, label: SnapshotLabel, state: UnsafeRawBufferPointer,
        listsEveryWrite: Bool = true, isForFile: Bool = true, disks: [DiskState] = []
    ) -> Result {
        var pageBytes = 0
        for address in addresses {
            guard Int(address.region) < regionCount else { return .invalid }
            let region = regions[Int(address.region)]
            guard address.page < region.pageCount else { return .invalid }
            pageBytes &+= region.pageBytes
        }
        let length = Batch.length(pages: addresses.count, pageBytes: pageBytes, state: state.count)
        guard var batch = reserve(length, label) else { return .full }
        batch.pageCount = addresses.count
        batch.stateCount = state.count
        batch.listsEveryWrite = listsEveryWrite
        batch.isForFile = isForFile
        batch.disks = disks
        copy(addresses, state, to: &batch)
        let unused =
            length &- Batch.length(pages: addresses.count, pageBytes: batch.pageBytes, state: state.count)
        monitor.withLock {
            if !batch.isOversize {
                batch.taken &-= unused
                reserved &-= unused
            }
            batches.append(batch)
            stagedCount &+= 1
            monitor.wakeAll()
        }
        return .staged
    }

    private func copy(
        _ addresses: UnsafeBufferPointer<PageAddress>, _ state: UnsafeRawBufferPointer, to batch: inout Batch
    ) {
        var target = batch.pages
        let names = batch.start.bindMemory(to: PageAddress.self, capacity: addresses.count)
        var full = 0
        for address in addresses {
            let region = regions[Int(address.region)]
            let bytes = region.memory.page(address.page, region.pageBytes)
            // Reading one takes less time than copying it.
            if PageContent.isZero(UnsafeRawBufferPointer(bytes)) {
                batch.zeroCount &+= 1
                (names + (addresses.count &- batch.zeroCount)).initialize(to: address)
                continue
            }
            (names + full).initialize(to: address)
            full &+= 1
            if let start = bytes.baseAddress { target.copyMemory(from: start, byteCount: bytes.count) }
            if bytes.count < region.pageBytes {
                (target + bytes.count).initializeMemory(
                    as: UInt8.self, repeating: 0, count: region.pageBytes &- bytes.count)
            }
            target += region.pageBytes
        }
        batch.pageBytes = target - batch.pages
        if let bytes = state.baseAddress { target.copyMemory(from: bytes, byteCount: state.count) }
    }

    /// Room for a batch; nil: there is none now.
    private func reserve(_ length: Int, _ label: SnapshotLabel) -> Batch? {
        monitor.withLock {
            let batch =
                length > buffer.capacity ? reserveOversize(length, label) : reserveInBuffer(length, label)
            if batch == nil { skippedCount &+= 1 }
            return batch
        }
    }

    /// With the lock held.
    private func reserveInBuffer(_ length: Int, _ label: SnapshotLabel) -> Batch? {
        guard !isClosed, batches.count < StagingBuffer.most, let start = buffer.start else { return nil }
        if reserved == released { (reserved, released) = (0, 0) }
        let place = reserved % buffer.capacity
        // A batch is in one piece: what is left at the end may be too short.
        let unused = place &+ length > buffer.capacity ? buffer.capacity &- place : 0
        guard reserved &- released &+ unused &+ length <= buffer.capacity else { return nil }
        reserved &+= unused &+ length
        return Batch(
            label: label, start: start + (unused > 0 ? 0 : place), pageCount: 0, stateCount: 0,
            taken: unused &+ length, isOversize: false)
    }

    /// With the lock held. It would never fit, so it gets memory of its own, but only one at a time does.
    private func reserveOversize(_ length: Int, _ label: SnapshotLabel) -> Batch? {
        guard !isClosed, oversizeCount == 0, batches.count < StagingBuffer.most,
            let memory = CheckedMemory.allocate(length)
        else { return nil }
        oversizeCount = 1
        return Batch(label: label, start: memory, pageCount: 0, stateCount: 0, taken: 0, isOversize: true)
    }

    // MARK: The library's thread

    /// The oldest batch, which stays in the buffer until it is released. Waits for one; nil: the buffer is closed.
    func next() -> Batch? {
        monitor.withLock {
            while batches.isEmpty && !isClosed { monitor.wait() }
            return batches.first
        }
    }

    /// The oldest batch isn't needed any more.
    func release(lost: Int) {
        monitor.withLock {
            lostCount = lost
            guard !batches.isEmpty else { return }
            let batch = batches.removeFirst()
            if batch.isOversize {
                CheckedMemory.free(batch.start)
                oversizeCount = 0
            }
            released &+= batch.taken
            doneCount &+= 1
            monitor.wakeAll()
        }
    }

    // MARK: Any thread

    /// Waits until the library's thread has done all that is staged now.
    func drain() {
        monitor.withLock {
            let last = stagedCount
            while doneCount < last { monitor.wait() }
        }
    }

    /// No more batches. ``next()`` returns the waiting ones, then nil.
    func close() {
        monitor.withLock {
            isClosed = true
            monitor.wakeAll()
        }
    }
}
