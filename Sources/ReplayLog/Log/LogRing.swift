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
    private let system: Syscalls
    private let segmentSize: UInt64

    // Guarded by the monitor.
    /// Of the log; nil: it is closed, or isn't begun.
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
        monitor.withLock {
            let deadline = LogRing.now &+ LogRing.patience
            do throws(LogError) {
                while !(try makeRoom(UInt64(bytes), most: hardLimit)) {
                    // Only a snapshot that is being stored can help.
                    guard staged > stored, LogRing.now < deadline else { return noRoom }
                    monitor.wait(until: LogRing.soon)
                }
                return nil
            } catch { return error }
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
        monitor.withLock {
            do throws(LogError) { try giveUpOld() } catch { return error }
            return nil
        }
    }

    /// The log ends: both records become the same.
    func finish() throws(LogError) {
        let failure: LogError? = monitor.withLock {
            guard var begin, file != nil else { return nil }
            replace = nil
            begin.generation &+= 1
            do throws(LogError) {
                try write(begin, generation: begin.generation)
                try write(begin, generation: begin.generation &+ 1)
                self.begin = begin
            } catch { return error }
            return nil
        }
        if let failure { throw failure }
    }

    /// The log is closed: it stays as it is.
    func close() {
        monitor.withLock {
            file = nil
            replace = nil
        }
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
    package func endStores() { monitor.withLock { replace = nil } }

    /// The store is about to get longer. Is there room?
    package func reserve(store generation: UInt64, _ bytes: Int) -> Bool {
        monitor.withLock {
            guard (try? makeRoom(UInt64(bytes), most: limits.bytes)) == true else { return false }
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
        monitor.withLock {
            guard places.makeRoom() else { return nil }
            places.append(place)
            do throws(LogError) { try giveUpOld() } catch { return error }
            return nil
        }
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

    /// False: there is none.
    private func makeRoom(_ bytes: UInt64, most: UInt64) throws(LogError) -> Bool {
        guard limits.bytes > 0 else { return true }
        let wanted = LogRing.rounded(bytes) &+ LogRing.blockSize
        if used &+ wanted <= limits.bytes { return true }
        // A little more than needed, because each time costs a sync.
        let spare = limits.bytes / 32
        let target = places.firstIndex { used(after: $0) &+ wanted &+ spare <= limits.bytes }
        if let index = target ?? places.indices.last, used(after: places[index]) < used {
            try move(to: index)
        }
        return used &+ wanted <= most
    }

    private func used(after place: Place) -> UInt64 {
        used(from: chunk(of: place)?.offset ?? begin?.offset ?? 0, since: place.generation)
    }

    private func giveUpOld() throws(LogError) {
        guard limits.nanoseconds > 0 else { return }
        let latest = LogRing.now &- limits.nanoseconds
        if let index = places.lastIndex(where: { $0.time <= latest }) { try move(to: index) }
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
    private func move(to index: Int) throws(LogError) {
        let place = places[index]
        guard var begin, file != nil, let chunk = chunk(of: place) else { return }
        if place.generation > current {
            try replace?(place.generation)
            for old in storeBytes.keys where old < place.generation {
                storeBytes[old] = nil
                storeBegan[old] = nil
            }
            current = place.generation
        }
        let old = begin.offset
        begin.generation &+= 1
        (begin.offset, begin.sequence, begin.previous) = (chunk.offset, chunk.sequence, chunk.previous)
        (begin.firstEvent, begin.firstIcount, begin.chain) =
            (chunk.firstEvent, chunk.firstIcount, chunk.chain)
        (begin.event, begin.icount, begin.eventChain) = (place.event, place.icount, place.chain)
        try write(begin, generation: begin.generation)
        self.begin = begin
        places.removeFirst(index &+ 1)
        chunks.removeFirst(chunks.firstIndex { $0.sequence >= chunk.sequence } ?? chunks.count)
        if old < begin.offset { try free(old..<begin.offset) }
    }

    private func write(_ begin: LogBegin, generation: UInt64) throws(LogError) {
        guard let file else { return }
        let place = LogBegin.place(after: metadataEnd, generation: generation)
        let result = begin.encoded().withUnsafeBytes { system.write(file, $0, at: place) }
        try result.orThrow("written", path, offset: place)
        try system.sync(file).orThrow("synced", path)
    }

    /// What precedes the first chunk, in whole blocks.
    private func free(_ range: Range<UInt64>) throws(LogError) {
        let block = LogRing.blockSize
        let (start, end) = (range.lowerBound / block &* block, range.upperBound / block &* block)
        guard let file, start < end else { return }
        try system.makeHole(file, Int64(start)..<Int64(end)).orThrow("shortened", path)
    }
}
