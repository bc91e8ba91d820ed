import ReplayLog
import ReplaySystem

/// The thread that makes snapshots of what the vCPU thread stages: it compares, looks for known content, makes
/// differences, compresses, and writes to a file if there is one.
package final class SnapshotWorker: @unchecked Sendable {
    // Sendable: the monitors guard what both threads use.

    package struct Counts: Equatable, Sendable {
        package var added: UInt64 = 0
        /// Memory ran out, or pages are lost.
        package var failed: UInt64 = 0
        /// Pages that were staged.
        package var pages: UInt64 = 0
        /// The thread's CPU time, in ns.
        package var time: Int64 = 0
        package init() {}
    }

    private let staging: StagingBuffer
    private let monitor = Monitor()
    private let store: PageStore
    /// Guarded by the monitor, as the ring.
    private var file: SnapshotFileWriter?
    /// In place of a file, if only the last part of the run is kept.
    private var ring: SnapshotRing?
    private let counts = Locked(Counts())
    private let failure = Locked<LogError?>(nil)
    private var thread: LibraryThread?

    /// The store and the file belong to the worker from now on.
    package init(
        _ staging: StagingBuffer, _ store: PageStore, file: SnapshotFileWriter? = nil,
        ring: SnapshotRing? = nil, system: Syscalls = Syscalls()
    ) throws(SystemError) {
        self.staging = staging
        self.store = store
        self.file = file
        self.ring = ring
        // Unowned: `stop()` joins the thread before the object is freed.
        thread = try system.startThread { [unowned self] in run() }.get()
    }

    /// Ends the thread after what is staged. Must be called before the worker is released.
    package func stop() {
        staging.close()
        thread?.join()
        thread = nil
    }

    /// Waits until all that is staged is stored, and then calls `body`. Meanwhile the thread does nothing.
    package func withStore<Value>(_ body: (PageStore) -> Value) -> Value {
        staging.drain()
        return monitor.withLock { body(store) }
    }

    package var statistics: Counts { counts.withLock { $0 } }

    /// Why nothing is written to the file any more. Doesn't wait for the thread.
    package var fileFailure: LogError? { failure.withLock { $0 } }

    /// The snapshots that were left out because the file has reached its limit, and its length.
    package var fileStatistics: (skipped: UInt64, written: UInt64, length: UInt64) {
        monitor.withLock { (file?.skipped ?? 0, file?.written ?? 0, file?.length ?? 0) }
    }

    /// Ends the thread, as ``stop()``, and the file: what is staged is in it then.
    package func finish() throws(LogError) {
        stop()
        try file?.finish()
        try ring?.finish()
    }

    /// What is staged from now on goes to a different file; the one before it is complete.
    package func replace(file: SnapshotFileWriter?, ring: SnapshotRing?) {
        staging.drain()
        monitor.withLock {
            // What couldn't be written was reported.
            _ = try? self.file?.finish()
            _ = try? self.ring?.finish()
            (self.file, self.ring) = (file, ring)
            failure.withLock { $0 = nil }
        }
    }

    private func run() {
        while let batch = staging.next() {
            let lost = monitor.withLock { add(batch) }
            staging.release(lost: lost)
        }
    }

    /// Returns how many pages are lost.
    private func add(_ batch: StagingBuffer.Batch) -> Int {
        let full = batch.pageCount &- batch.zeroCount
        let result = store.add(
            PageBatch(
                label: batch.label, addresses: UnsafeBufferPointer(start: batch.addresses, count: full),
                pages: UnsafeRawPointer(batch.pages),
                zeroes: UnsafeBufferPointer(start: batch.addresses + full, count: batch.zeroCount),
                state: UnsafeRawBufferPointer(start: batch.pages + batch.pageBytes, count: batch.stateCount),
                listsEveryWrite: batch.listsEveryWrite))
        if result == .added, batch.isForFile {
            file?.append(batch.label.id, of: store, disks: batch.disks)
            ring?.append(batch.label.id, of: store, disks: batch.disks)
            if let error = file?.end ?? ring?.failure { failure.withLock { $0 = error } }
        } else if batch.isForFile {
            ring?.noteMissing()
        }
        counts.withLock { counts in
            counts.time = Syscalls.threadTime
            counts.pages &+= UInt64(truncatingIfNeeded: batch.pageCount)
            if result == .added { counts.added &+= 1 } else { counts.failed &+= 1 }
        }
        return store.lostCount
    }
}
