import Glibc
import ReplaySystem

/// The last part of a run that a recorder keeps, and the disk space that it takes: the log from a snapshot on, its
/// live file, and the snapshots.
///
/// The log's begin record goes from snapshot to snapshot, and what precedes it becomes a hole of the file. Snapshots
/// can't be removed one by one, so their stores are *generations*: one begins with a whole snapshot, and when the log
/// begins in it, the one before is given up. There are at most two.
package final class LogRing: @unchecked Sendable {
    // Sendable: the monitor guards what the sealer and the thread of the snapshots use.

    /// What the part kept is limited to; 0: it isn't.
    package struct Limits: Sendable {
        /// The bytes on the disk. They may exceed it by two segments.
        package var bytes: UInt64 = 0
        /// Its age, in ns of real time. It may exceed it by the distance of two snapshots.
        package var nanoseconds: Int64 = 0

        package init(bytes: UInt64 = 0, nanoseconds: Int64 = 0) {
            (self.bytes, self.nanoseconds) = (bytes, nanoseconds)
        }

        package var isSet: Bool { bytes > 0 || nanoseconds > 0 }
    }

    /// A snapshot at which the log may begin.
    package struct Place: Sendable {
        var icount: UInt64
        var event: UInt64
        /// ``LogReader/seek(toEvent:)``
        var chain: UInt64
        /// When it was made, in ns of a monotonic clock.
        var time: Int64
        /// The store that has it.
        var generation: UInt64

        package init(icount: UInt64, event: UInt64, chain: UInt64, generation: UInt64) {
            (self.icount, self.event, self.chain) = (icount, event, chain)
            (time, self.generation) = (LogRing.now, generation)
        }
    }

    package let limits: Limits
    private let monitor = Monitor()
    /// Held while the log's beginning moves, which waits for the disk, and acquired before ``monitor``. So the sealer
    /// waits for that only if it has no room.
    private let moving = Monitor()
    private let system: Syscalls

    // Guarded by the monitor.
    /// Of the log; nil: it isn't begun, or has ended.
    private var file: Int32?
    private var path = ""
    private var ledger: RingLedger
    /// Snapshots that were taken, and those of them that are stored.
    private var staged: UInt64 = 0
    private var stored: UInt64 = 0
    /// Gives the store of that generation its final name. Nil: it isn't open any more.
    private var replace: ((UInt64) throws(LogError) -> Void)?

    init(_ limits: Limits, segmentSize: Int, liveBytes: Int, system: Syscalls) {
        self.limits = limits
        self.system = system
        ledger = RingLedger(limits, segmentSize: UInt64(segmentSize), liveBytes: UInt64(liveBytes))
    }

    static var now: Int64 {
        let time = Syscalls.monotonicTime()
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    // MARK: The log

    /// Can the file give up parts of itself?
    static func check(_ file: OpenFile, _ path: String, _ system: Syscalls) throws(LogError) {
        switch system.makeHole(file.descriptor, Int64(RingLedger.blockSize)..<Int64(2 * RingLedger.blockSize))
        {
        case .success: break
        case .failure(EOPNOTSUPP), .failure(ENOSYS), .failure(EINVAL):
            throw LogError(
                .unsupported,
                "\(path) can't be recorded with rrlast: its file system can't free a part of a file")
        case .failure(let error): throw LogError.system(error, "examined", path)
        }
    }

    /// The metadata are about to be written: what follows them.
    func begin(_ file: Int32, _ path: String, metadataEnd: UInt64, previous: UInt64, identity: UInt64)
        -> [UInt8]
    {
        monitor.withLock {
            let begin = LogBegin(metadataEnd: metadataEnd, previous: previous, identity: identity)
            (self.file, self.path) = (file, path)
            ledger.begin(begin, metadataEnd: metadataEnd)
            var bytes = ByteWriter()
            bytes.pad(to: Int(LogBegin.place(after: metadataEnd) &- metadataEnd))
            for _ in 0..<2 {
                let start = bytes.bytes.count
                bytes.writeBytes(begin.encoded())
                bytes.pad(to: start + Int(LogBegin.spacing))
            }
            return bytes.bytes
        }
    }

    /// The sealer is about to append a chunk. Nil: there is room.
    func reserve(chunk bytes: Int) -> LogError? {
        guard limits.bytes > 0 else { return nil }
        let deadline = LogRing.now &+ LogRing.patience
        while true {
            if let error = makeRoom(for: UInt64(bytes)) { return error }
            let answer: Bool? = monitor.withLock {
                if ledger.hasRoom(UInt64(bytes), most: ledger.hardLimit) { return true }
                // Only a snapshot that is being stored can help.
                guard staged > stored, LogRing.now < deadline else { return false }
                monitor.wait(until: LogRing.soon)
                return nil
            }
            if let answer { return answer ? nil : noRoom }
        }
    }

    private var noRoom: LogError {
        var error = LogError(
            .diskFull,
            "\(path) has no room left: what rrlast=\(limits.bytes) keeps begins at a snapshot, and there is none to "
                + "begin at; rrlast must have room for two snapshots of the machine, and for the events between them"
        )
        error.errno = ENOSPC
        return error
    }

    /// How long the sealer waits for a snapshot.
    private static let patience: Int64 = 10_000_000_000
    private static var soon: timespec {
        let time = now &+ 100_000_000
        return timespec(tv_sec: Int(time / 1_000_000_000), tv_nsec: Int(time % 1_000_000_000))
    }

    /// A chunk was appended.
    func note(_ header: ChunkHeader, at offset: UInt64, lastIcount: UInt64) {
        monitor.withLock { ledger.append(header, at: offset, lastIcount: lastIcount) }
    }

    /// The place of the first chunk that the log has.
    var firstOffset: UInt64 { monitor.withLock { ledger.begin?.offset ?? 0 } }

    /// Gives up what is too old. Called from time to time.
    func expire() -> LogError? {
        move { ledger.expiredPlace }
    }

    /// The log ends: both records become the same, and its beginning doesn't move any more.
    func finish() throws(LogError) {
        let failure: LogError? = moving.withLock {
            let state = monitor.withLock { (ledger.begin, file, ledger.metadataEnd) }
            guard var begin = state.0, let file = state.1 else { return nil }
            begin.generation &+= 1
            do throws(LogError) {
                try write(begin, generation: begin.generation, file, state.2)
                try write(begin, generation: begin.generation &+ 1, file, state.2)
            } catch { return error }
            monitor.withLock { (ledger.begin, self.file, replace) = (begin, nil, nil) }
            return nil
        }
        if let failure { throw failure }
    }

    /// The log is closed: it stays as it is.
    func close() {
        moving.withLock { monitor.withLock { (file, replace) = (nil, nil) } }
    }

    // MARK: The snapshots

    /// A store begins. - Parameter replace: gives it its final name, when the log begins in it.
    package func beginStore(_ generation: UInt64, _ replace: @escaping (UInt64) throws(LogError) -> Void) {
        monitor.withLock {
            ledger.beginStore(generation)
            self.replace = replace
        }
    }

    /// A store was given up without a snapshot.
    package func endStore(_ generation: UInt64) {
        monitor.withLock { ledger.endStore(generation) }
    }

    /// No store gets its name from now on.
    package func endStores() { moving.withLock { monitor.withLock { replace = nil } } }

    /// The store is about to get longer. Is there room?
    package func reserve(store generation: UInt64, _ bytes: Int) -> Bool {
        // An error is reported by the sealer, which meets it too.
        _ = makeRoom(for: UInt64(bytes))
        return monitor.withLock { ledger.reserve(store: generation, UInt64(bytes)) }
    }

    /// The vCPU thread has taken a snapshot, which is to be stored.
    package func noteStaged() { monitor.withLock { staged &+= 1 } }

    /// A snapshot was stored, or given up.
    package func noteStored() {
        monitor.withLock {
            stored &+= 1
            monitor.wakeAll()
        }
    }

    /// The log may begin at a snapshot, which is in a file.
    package func offer(_ place: Place) -> LogError? {
        guard monitor.withLock({ ledger.offer(place) }) else { return nil }
        // In good time, so that the sealer needn't.
        return expire() ?? makeRoom(for: limits.bytes / 8, isUrgent: false)
    }

    /// Is it time for a store with a whole snapshot? - Parameter isWriting: does the last one take more snapshots?
    package func wantsStore(isWriting: Bool) -> Bool {
        monitor.withLock { ledger.wantsStore(isWriting: isWriting) }
    }

    // MARK: Room

    /// Gives up what is old until so many bytes have room, or as much as possible if it is urgent.
    private func makeRoom(for bytes: UInt64, isUrgent: Bool = true) -> LogError? {
        if monitor.withLock({ ledger.hasRoom(bytes, most: limits.bytes) }) { return nil }
        return move { ledger.place(toMakeRoomFor: bytes, isUrgent: isUrgent) }
    }

    /// Lets the log begin at a place. A kill at any moment leaves a log, and a store that has a snapshot of it: the
    /// store is replaced first, because a replay begins at the first snapshot that it finds after the log's beginning.
    ///
    /// - Parameter choose: called with the monitor held; nil: nothing is to be done.
    private func move(_ choose: () -> Place?) -> LogError? {
        moving.withLock {
            let chosen: Plan? = monitor.withLock { choose().flatMap { plan(for: $0) } }
            guard let plan = chosen else { return nil }
            do throws(LogError) { try carryOut(plan) } catch { return error }
            monitor.withLock { ledger.begin(at: plan.place, plan.begin) }
            return nil
        }
    }

    private struct Plan {
        var place: Place
        var old: UInt64
        var begin: LogBegin
        var file: Int32
        var metadataEnd: UInt64
        /// If the log begins in a different store then.
        var replace: ((UInt64) throws(LogError) -> Void)?
    }

    private func plan(for place: Place) -> Plan? {
        guard let file, let old = ledger.begin?.offset, let begin = ledger.beginning(at: place) else {
            return nil
        }
        let isElsewhere = place.generation > ledger.current
        if isElsewhere, replace == nil { return nil }
        return Plan(
            place: place, old: old, begin: begin, file: file, metadataEnd: ledger.metadataEnd,
            replace: isElsewhere ? replace : nil)
    }

    private func carryOut(_ plan: Plan) throws(LogError) {
        if let replace = plan.replace {
            try replace(plan.place.generation)
            // At once, because a store has its name also if the rest fails.
            monitor.withLock { ledger.useStore(plan.place.generation) }
        }
        try write(plan.begin, generation: plan.begin.generation, plan.file, plan.metadataEnd)
        // What precedes the first chunk, in whole blocks.
        let block = RingLedger.blockSize
        let (start, end) = (plan.old / block &* block, plan.begin.offset / block &* block)
        if start < end {
            try system.makeHole(plan.file, Int64(start)..<Int64(end)).orThrow("shortened", path)
        }
    }

    private func write(
        _ begin: LogBegin, generation: UInt64, _ file: Int32, _ metadataEnd: UInt64
    ) throws(LogError) {
        let place = LogBegin.place(after: metadataEnd, generation: generation)
        let result = begin.encoded().withUnsafeBytes { system.write(file, $0, at: place) }
        try result.orThrow("written", path, offset: place)
        try system.sync(file).orThrow("synced", path)
    }
}
