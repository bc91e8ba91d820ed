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

    /// A chunk that the file has, or the one that comes next.
    private struct Chunk {
        var offset: UInt64
        var sequence: UInt64
        var firstEvent: UInt64
        var firstIcount: UInt64
        var chain: UInt64
        var previous: UInt64
    }

    package let limits: Limits
    private let monitor = Monitor()
    /// Held while the log's beginning moves, which waits for the disk, and acquired before ``monitor``. So the sealer
    /// waits for that only if it has no room.
    private let moving = Monitor()
    private let system: Syscalls
    private let segmentSize: UInt64

    // Guarded by the monitor.
    /// Of the log; nil: it isn't begun, or has ended.
    private var file: Int32?
    private var path = ""
    private var metadataEnd: UInt64 = 0
    private var begin: LogBegin?
    /// Those that are sealed, in order.
    private var chunks: [Chunk] = []
    private var next: Chunk?
    /// Those after the one where the log begins, in order.
    private var places: [Place] = []
    private var liveBytes: UInt64
    /// Snapshots that were taken, and those of them that are stored.
    private var staged: UInt64 = 0
    private var stored: UInt64 = 0
    /// The bytes of the stores: of the one that a replay finds, and of the one that will replace it.
    private var storeBytes: [UInt64: UInt64] = [:]
    private var storeBegan: [UInt64: Int64] = [:]
    /// The store that has its final name.
    private var current: UInt64 = 0
    /// Gives the store of that generation its final name. Nil: it isn't open any more.
    private var replace: ((UInt64) throws(LogError) -> Void)?

    /// What a file system may take for a file besides its blocks.
    private static let blockSize: UInt64 = 4096

    init(_ limits: Limits, segmentSize: Int, liveBytes: Int, system: Syscalls) {
        self.limits = limits
        self.system = system
        self.segmentSize = UInt64(segmentSize)
        self.liveBytes = UInt64(liveBytes)
    }

    static var now: Int64 {
        let time = Syscalls.monotonicTime()
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    // MARK: The log

    /// Can the file give up parts of itself?
    static func check(_ file: OpenFile, _ path: String, _ system: Syscalls) throws(LogError) {
        switch system.makeHole(file.descriptor, Int64(blockSize)..<Int64(2 * blockSize)) {
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
            (self.file, self.path, self.metadataEnd, self.begin) = (file, path, metadataEnd, begin)
            next = Chunk(
                offset: begin.offset, sequence: 1, firstEvent: 0, firstIcount: 0, chain: begin.chain,
                previous: previous)
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
                if hasRoom(UInt64(bytes), most: hardLimit) { return true }
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
        monitor.withLock {
            guard let chunk = next, chunks.makeRoom() else { return }
            chunks.append(chunk)
            next = Chunk(
                offset: header.end(from: offset), sequence: header.sequence &+ 1,
                firstEvent: header.firstEvent &+ UInt64(header.eventCount), firstIcount: lastIcount,
                chain: header.chain, previous: header.checksum)
        }
    }

    /// The place of the first chunk that the log has.
    var firstOffset: UInt64 { monitor.withLock { begin?.offset ?? 0 } }

    /// Gives up what is too old. Called from time to time.
    func expire() -> LogError? {
        move { () -> Place? in
            guard limits.nanoseconds > 0 else { return nil }
            let latest = LogRing.now &- limits.nanoseconds
            return places.last { $0.time <= latest }
        }
    }

    /// The log ends: both records become the same, and its beginning doesn't move any more.
    func finish() throws(LogError) {
        let failure: LogError? = moving.withLock {
            let state = monitor.withLock { (begin, file) }
            guard var begin = state.0, let file = state.1 else { return nil }
            begin.generation &+= 1
            do throws(LogError) {
                try write(begin, generation: begin.generation, file)
                try write(begin, generation: begin.generation &+ 1, file)
            } catch { return error }
            monitor.withLock { (self.begin, self.file, replace) = (begin, nil, nil) }
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
            storeBytes[generation] = 0
            storeBegan[generation] = LogRing.now
            self.replace = replace
            // The first one has its name.
            if current == 0 { current = generation }
        }
    }

    /// A store was given up without a snapshot.
    package func endStore(_ generation: UInt64) {
        monitor.withLock {
            storeBytes[generation] = nil
            storeBegan[generation] = nil
        }
    }

    /// No store gets its name from now on.
    package func endStores() { moving.withLock { monitor.withLock { replace = nil } } }

    /// The store is about to get longer. Is there room?
    package func reserve(store generation: UInt64, _ bytes: Int) -> Bool {
        // An error is reported by the sealer, which meets it too.
        _ = makeRoom(for: UInt64(bytes))
        return monitor.withLock {
            guard hasRoom(UInt64(bytes), most: limits.bytes) else { return false }
            storeBytes[generation, default: 0] &+= UInt64(bytes)
            return true
        }
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
        let isKept = monitor.withLock {
            guard places.makeRoom() else { return false }
            places.append(place)
            return true
        }
        guard isKept else { return nil }
        // In good time, so that the sealer needn't.
        return expire() ?? makeRoom(for: limits.bytes / 8, isUrgent: false)
    }

    /// Is it time for a store with a whole snapshot? - Parameter isWriting: does the last one take more snapshots?
    package func wantsStore(isWriting: Bool) -> Bool {
        monitor.withLock {
            // The log doesn't begin in the last one yet.
            if storeBytes.contains(where: { $0.key > current }) { return false }
            guard isWriting, let began = storeBegan[current] else { return true }
            if limits.nanoseconds > 0, LogRing.now &- began >= limits.nanoseconds { return true }
            let fixed = liveBytes &+ LogBegin.firstChunk(after: metadataEnd)
            return limits.bytes > 0 && used &- fixed >= (limits.bytes &- min(fixed, limits.bytes)) / 2
        }
    }

    // MARK: Room

    private var hardLimit: UInt64 { limits.bytes &+ segmentSize &+ segmentSize / 2 }

    private static func rounded(_ bytes: UInt64) -> UInt64 {
        (bytes &+ blockSize &- 1) / blockSize &* blockSize
    }

    private var used: UInt64 { used(from: begin?.offset ?? 0, since: 0) }

    /// The bytes on the disk if the log begins at that offset, and in a store of that generation or a later one.
    private func used(from offset: UInt64, since generation: UInt64) -> UInt64 {
        let head = LogBegin.firstChunk(after: metadataEnd)
        let log = LogRing.rounded(next?.offset ?? 0) &- min(offset, next?.offset ?? 0) / 4096 &* 4096
        let stores = storeBytes.reduce(0 as UInt64) {
            $0 &+ ($1.key < generation ? 0 : LogRing.rounded($1.value))
        }
        return head &+ log &+ stores &+ liveBytes
    }

    private func hasRoom(_ bytes: UInt64, most: UInt64) -> Bool {
        limits.bytes == 0 || used &+ LogRing.rounded(bytes) &+ LogRing.blockSize <= most
    }

    /// Gives up what is old until so many bytes have room, or as much as possible if it is urgent.
    private func makeRoom(for bytes: UInt64, isUrgent: Bool = true) -> LogError? {
        if monitor.withLock({ hasRoom(bytes, most: limits.bytes) }) { return nil }
        return move {
            if hasRoom(bytes, most: limits.bytes) { return nil }
            // A little more than needed, because each time costs a sync.
            let wanted = LogRing.rounded(bytes) &+ LogRing.blockSize &+ limits.bytes / 32
            let place =
                places.first { used(after: $0) &+ wanted <= limits.bytes } ?? (isUrgent ? places.last : nil)
            return place.flatMap { used(after: $0) < used ? $0 : nil }
        }
    }

    private func used(after place: Place) -> UInt64 {
        used(from: chunk(of: place)?.offset ?? begin?.offset ?? 0, since: place.generation)
    }

    /// The chunk that has a place, which may be the next one.
    private func chunk(of place: Place) -> Chunk? {
        guard let next, place.event < next.firstEvent else { return next }
        var (low, high) = (0, chunks.count)
        while low < high {
            let middle = (low &+ high) / 2
            if chunks[middle].firstEvent <= place.event { low = middle &+ 1 } else { high = middle }
        }
        return low > 0 ? chunks[low &- 1] : nil
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
            monitor.withLock { note(plan) }
            return nil
        }
    }

    private struct Plan {
        var place: Place
        var old: UInt64
        var begin: LogBegin
        var file: Int32
        /// If the log begins in a different store then.
        var replace: ((UInt64) throws(LogError) -> Void)?
    }

    private func plan(for place: Place) -> Plan? {
        guard var begin, let file, let chunk = chunk(of: place) else { return nil }
        let old = begin.offset
        begin.generation &+= 1
        (begin.offset, begin.sequence, begin.previous) = (chunk.offset, chunk.sequence, chunk.previous)
        (begin.firstEvent, begin.firstIcount, begin.chain) =
            (chunk.firstEvent, chunk.firstIcount, chunk.chain)
        (begin.event, begin.icount, begin.eventChain) = (place.event, place.icount, place.chain)
        let isElsewhere = place.generation > current
        if isElsewhere, replace == nil { return nil }
        return Plan(
            place: place, old: old, begin: begin, file: file, replace: isElsewhere ? replace : nil)
    }

    private func carryOut(_ plan: Plan) throws(LogError) {
        if let replace = plan.replace {
            try replace(plan.place.generation)
            // At once, because a store has its name also if the rest fails.
            monitor.withLock {
                current = plan.place.generation
                storeBytes = storeBytes.filter { $0.key >= current }
                storeBegan = storeBegan.filter { $0.key >= current }
            }
        }
        try write(plan.begin, generation: plan.begin.generation, plan.file)
        // What precedes the first chunk, in whole blocks.
        let block = LogRing.blockSize
        let (start, end) = (plan.old / block &* block, plan.begin.offset / block &* block)
        if start < end {
            try system.makeHole(plan.file, Int64(start)..<Int64(end)).orThrow("shortened", path)
        }
    }

    private func note(_ plan: Plan) {
        begin = plan.begin
        places.removeFirst(places.firstIndex { $0.icount > plan.place.icount } ?? places.count)
        chunks.removeFirst(chunks.firstIndex { $0.sequence >= plan.begin.sequence } ?? chunks.count)
    }

    private func write(_ begin: LogBegin, generation: UInt64, _ file: Int32) throws(LogError) {
        let place = LogBegin.place(after: metadataEnd, generation: generation)
        let result = begin.encoded().withUnsafeBytes { system.write(file, $0, at: place) }
        try result.orThrow("written", path, offset: place)
        try system.sync(file).orThrow("synced", path)
    }
}
