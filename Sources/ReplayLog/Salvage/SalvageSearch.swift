import Glibc
import ReplaySystem

/// Finds what is good in a damaged log: tries a chunk at each place where one may begin, and the live file.
struct SalvageSearch {
    var pieces: [SalvagedPiece] = []
    /// The payload of the metadata; nil: lost.
    var metadata: [UInt8]?
    var metadataChecksum: UInt64 = 0
    var kinds = KindTable.own
    /// The first chunk was recorded after different metadata: somebody changed these, and corrected their checksums.
    var doubtsMetadata = false
    /// Where a log begins that has only a part of its run.
    var begin: LogBegin?
    /// The checksums of the headers of all chunks of events, by the index; nil: lost, or format 1, which has none.
    var index: Set<UInt64>?
    /// The number of events, by the index; nil: lost.
    var indexedEvents: UInt64?
    var end: LogEnd?
    /// Where the end's chunk ends, and whether the trailer is there.
    var endOfLog: UInt64?
    var hasTrailer = false
    /// The parts of `NAME` that were understood, besides pieces.
    var understood: [Range<UInt64>] = []
    var segmentSize: UInt32 = 1 << 20
    var hasLive = false
    /// Segments of it may be lost.
    var isLiveDamaged = false
    var recorderErrno: Int32 = 0
    var live: [LiveSnapshot.Segment] = []
    let chunks: ChunkReader
    var decoder = EventDecoder(.own)
    let buffer = RawBuffer()
    /// Called with the place that the search has reached, and the size of the file.
    private let reached: (UInt64, UInt64) -> Void

    init(path: String, system: Syscalls, reached: @escaping (UInt64, UInt64) -> Void) throws(LogError) {
        self.reached = reached
        let path = Syscalls.resolved(path)
        chunks = try ChunkReader(path: path, system: system)
        defer { decoder.deallocate() }
        try chunks.readComments()
        try readHeader()
        try readChunks()
        try readLive(path, system)
    }

    // MARK: From chunk to chunk

    private mutating func readHeader() throws(LogError) {
        let bytes = try chunks.bytes(at: 0, count: FileHeader.size)
        if bytes.isEmpty { throw LogError(.empty, "\(chunks.path) is empty: there is nothing to repair") }
        let path = chunks.path
        let header = bytes.withUnsafeBytes { bytes in
            Result { () throws(LogError) in try FileHeader.decode(bytes, path: path) }
        }
        switch header {
        case .success(let header):
            chunks.version = header.version
            segmentSize = header.segmentSize
            understood.append(0..<UInt64(FileHeader.size))
        case .failure(let error):
            if error.code == .version { throw error }
        }
    }

    private mutating func readChunks() throws(LogError) {
        var offset = UInt64(FileHeader.size)
        var isSearching = false
        var metadataEnd: UInt64 = 0
        while offset < chunks.size {
            reached(offset, chunks.size)
            if case .chunk(let header) = try chunks.header(at: offset), try take(header, offset) {
                offset = header.end(from: offset)
                if header.kind == .metadata {
                    metadataEnd = offset
                    try findVersion(offset)
                    try readBegin(&offset)
                }
                continue
            }
            // Bytes that are missing or too many have moved what follows them.
            let mayBeBefore = !isSearching && pieces.isEmpty
            offset = try place(from: mayBeBefore ? metadataEnd : offset &+ 1) ?? chunks.size
            isSearching = true
        }
        try takeTrailer()
    }

    /// Goes to the first chunk, if the log says where that is.
    private mutating func readBegin(_ offset: inout UInt64) throws(LogError) {
        guard chunks.version >= FileHeader.versionWithBegin, begin == nil else { return }
        for number: UInt64 in 0..<2 {
            let place = LogBegin.place(after: offset, generation: number)
            let bytes = try chunks.bytes(at: place, count: LogBegin.size)
            guard let found = bytes.withUnsafeBytes({ LogBegin(decoding: $0) }),
                found.offset >= LogBegin.firstChunk(after: offset), found.offset <= chunks.size,
                begin.map({ $0.generation < found.generation }) ?? true
            else { continue }
            begin = found
        }
        guard let begin else { return }
        let reached = try readRoom(offset, begin)
        understood.append(offset..<begin.offset)
        offset = max(reached, begin.offset)
    }

    /// Takes chunks that damage has moved to the records of the log's begin. What a recorder with a limit has given up
    /// follows those, and isn't searched. Returns the end of the last one.
    private mutating func readRoom(_ start: UInt64, _ begin: LogBegin) throws(LogError) -> UInt64 {
        let end = LogBegin.firstChunk(after: start)
        var (next, reached) = (start, start)
        while let offset = try place(from: next, to: end), offset < end {
            next = offset &+ 1
            if case .chunk(let header) = try chunks.header(at: offset), header.kind == .events,
                header.sequence >= begin.sequence, try take(header, offset)
            {
                next = header.end(from: offset)
                reached = next
            }
        }
        return reached
    }

    /// If the header is lost: the first chunk after the metadata has a link, except in format 1.
    private mutating func findVersion(_ offset: UInt64) throws(LogError) {
        if understood.first?.lowerBound == 0 { return }
        switch try chunks.header(at: offset) {
        case .chunk(let next): chunks.version = next.link == 0 ? 1 : 2
        case .damage, .cut: chunks.version = FileHeader.versionWithBegin
        }
    }

    /// The next place that begins as a chunk does.
    private func place(from start: UInt64, to end: UInt64 = .max) throws(LogError) -> UInt64? {
        var offset = start
        while offset < min(chunks.size, end) {
            let bytes = try chunks.bytes(at: offset, count: 1 << 16)
            if bytes.count < ChunkHeader.magic.count { return nil }
            let found = bytes.withUnsafeBytes { bytes -> Int? in
                let last = bytes.count &- ChunkHeader.magic.count
                return (0...last).first { place in
                    bytes[place] == ChunkHeader.magic[0]
                        && bytes[place..<(place &+ ChunkHeader.magic.count)].elementsEqual(ChunkHeader.magic)
                }
            }
            if let found { return offset &+ UInt64(truncatingIfNeeded: found) }
            offset &+= UInt64(truncatingIfNeeded: bytes.count &- ChunkHeader.magic.count &+ 1)
        }
        return nil
    }

    // MARK: Reading again

    /// The events of a piece.
    func withEvents<Result>(
        of piece: SalvagedPiece, _ body: (UnsafeRawBufferPointer) throws(LogError) -> Result
    ) throws(LogError) -> Result {
        switch piece.source {
        case .chunk(let header, let range):
            try chunks.read(header, at: range.lowerBound, into: buffer)
            return try body(UnsafeRawBufferPointer(start: buffer.start, count: Int(header.rawLength)))
        case .live(let number, let length):
            guard number < live.count else { return try body(UnsafeRawBufferPointer(start: nil, count: 0)) }
            return try body(UnsafeRawBufferPointer(start: live[number].bytes.start, count: length))
        }
    }
}
