/// What the parts of a ring take of the disk, and where the log can begin instead: see ``LogRing``, which knows the files.
struct RingLedger {
    typealias Place = LogRing.Place

    /// A chunk that the file has, or the one that comes next.
    private struct Chunk {
        var offset: UInt64
        var sequence: UInt64
        var firstEvent: UInt64
        var firstIcount: UInt64
        var chain: UInt64
        var previous: UInt64
    }

    private let limits: LogRing.Limits
    private let segmentSize: UInt64
    private let liveBytes: UInt64
    private(set) var metadataEnd: UInt64 = 0
    var begin: LogBegin?
    /// Those that are sealed, in order.
    private var chunks: [Chunk] = []
    private var next: Chunk?
    /// Those after the one where the log begins, in order.
    private var places: [Place] = []
    /// The bytes of the stores: of the one that a replay finds, and of the one that will replace it.
    private var storeBytes: [UInt64: UInt64] = [:]
    private var storeBegan: [UInt64: Int64] = [:]
    /// The store that has its final name.
    private(set) var current: UInt64 = 0

    /// What a file system may take for a file besides its blocks.
    static let blockSize: UInt64 = 4096

    init(_ limits: LogRing.Limits, segmentSize: UInt64, liveBytes: UInt64) {
        (self.limits, self.segmentSize, self.liveBytes) = (limits, segmentSize, liveBytes)
    }

    // MARK: The log

    mutating func begin(_ begin: LogBegin, metadataEnd: UInt64) {
        (self.begin, self.metadataEnd) = (begin, metadataEnd)
        next = Chunk(
            offset: begin.offset, sequence: 1, firstEvent: 0, firstIcount: 0, chain: begin.chain,
            previous: begin.previous)
    }

    /// A chunk was appended.
    mutating func append(_ header: ChunkHeader, at offset: UInt64, lastIcount: UInt64) {
        guard let chunk = next, chunks.makeRoom() else { return }
        chunks.append(chunk)
        next = Chunk(
            offset: header.end(from: offset), sequence: header.sequence &+ 1,
            firstEvent: header.firstEvent &+ UInt64(header.eventCount), firstIcount: lastIcount,
            chain: header.chain, previous: header.checksum)
    }

    /// How the log begins at a place.
    func beginning(at place: Place) -> LogBegin? {
        guard var begin, let chunk = chunk(of: place) else { return nil }
        begin.generation &+= 1
        (begin.offset, begin.sequence, begin.previous) = (chunk.offset, chunk.sequence, chunk.previous)
        (begin.firstEvent, begin.firstIcount, begin.chain) =
            (chunk.firstEvent, chunk.firstIcount, chunk.chain)
        (begin.event, begin.icount, begin.eventChain) = (place.event, place.icount, place.chain)
        return begin
    }

    /// The log begins there now.
    mutating func begin(at place: Place, _ begin: LogBegin) {
        self.begin = begin
        places.removeFirst(places.firstIndex { $0.icount > place.icount } ?? places.count)
        chunks.removeFirst(chunks.firstIndex { $0.sequence >= begin.sequence } ?? chunks.count)
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

    // MARK: Places

    /// False: it can't be kept.
    mutating func offer(_ place: Place) -> Bool {
        guard places.makeRoom() else { return false }
        places.append(place)
        return true
    }

    /// The last one that is older than what is to be kept.
    var expiredPlace: Place? {
        guard limits.nanoseconds > 0 else { return nil }
        let latest = LogRing.now &- limits.nanoseconds
        return places.last { $0.time <= latest }
    }

    /// Where the log must begin so that so many bytes have room, or as many as possible if it is urgent. Nil: nowhere
    /// else.
    func place(toMakeRoomFor bytes: UInt64, isUrgent: Bool) -> Place? {
        if hasRoom(bytes, most: limits.bytes) { return nil }
        // A little more than needed, because each time costs a sync.
        let wanted = RingLedger.rounded(bytes) &+ RingLedger.blockSize &+ limits.bytes / 32
        let place =
            places.first { used(after: $0) &+ wanted <= limits.bytes } ?? (isUrgent ? places.last : nil)
        return place.flatMap { used(after: $0) < used ? $0 : nil }
    }

    // MARK: The stores

    mutating func beginStore(_ generation: UInt64) {
        storeBytes[generation] = 0
        storeBegan[generation] = LogRing.now
        // The first one has its name.
        if current == 0 { current = generation }
    }

    mutating func endStore(_ generation: UInt64) {
        storeBytes[generation] = nil
        storeBegan[generation] = nil
    }

    /// It has its final name, and has replaced all earlier ones.
    mutating func useStore(_ generation: UInt64) {
        current = generation
        storeBytes = storeBytes.filter { $0.key >= generation }
        storeBegan = storeBegan.filter { $0.key >= generation }
    }

    /// The store is about to get longer. Is there room?
    mutating func reserve(store generation: UInt64, _ bytes: UInt64) -> Bool {
        guard hasRoom(bytes, most: limits.bytes) else { return false }
        storeBytes[generation, default: 0] &+= bytes
        return true
    }

    /// Is it time for a store with a whole snapshot? - Parameter isWriting: does the last one take more snapshots?
    func wantsStore(isWriting: Bool) -> Bool {
        // The log doesn't begin in the last one yet.
        if storeBytes.contains(where: { $0.key > current }) { return false }
        guard isWriting, let began = storeBegan[current] else { return true }
        if limits.nanoseconds > 0, LogRing.now &- began >= limits.nanoseconds { return true }
        let fixed = liveBytes &+ LogBegin.firstChunk(after: metadataEnd)
        return limits.bytes > 0 && used &- fixed >= (limits.bytes &- min(fixed, limits.bytes)) / 2
    }

    // MARK: Room

    var hardLimit: UInt64 { limits.bytes &+ segmentSize &+ segmentSize / 2 }

    func hasRoom(_ bytes: UInt64, most: UInt64) -> Bool {
        limits.bytes == 0 || used &+ RingLedger.rounded(bytes) &+ RingLedger.blockSize <= most
    }

    private static func rounded(_ bytes: UInt64) -> UInt64 {
        (bytes &+ blockSize &- 1) / blockSize &* blockSize
    }

    private var used: UInt64 { used(from: begin?.offset ?? 0, since: 0) }

    private func used(after place: Place) -> UInt64 {
        used(from: chunk(of: place)?.offset ?? begin?.offset ?? 0, since: place.generation)
    }

    /// The bytes on the disk if the log begins at that offset, and in a store of that generation or a later one.
    private func used(from offset: UInt64, since generation: UInt64) -> UInt64 {
        let head = LogBegin.firstChunk(after: metadataEnd)
        let end = next?.offset ?? 0
        let log = RingLedger.rounded(end) &- min(offset, end) / RingLedger.blockSize &* RingLedger.blockSize
        let stores = storeBytes.reduce(0 as UInt64) {
            $0 &+ ($1.key < generation ? 0 : RingLedger.rounded($1.value))
        }
        return head &+ log &+ stores &+ liveBytes
    }
}
