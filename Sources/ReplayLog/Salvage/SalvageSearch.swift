import Glibc
import ReplaySystem

/// Finds what is good in a damaged log: tries a chunk at each place where one may begin, and the live file.
struct SalvageSearch {
    private(set) var pieces: [SalvagedPiece] = []
    /// The payload of the metadata; nil: lost.
    private(set) var metadata: [UInt8]?
    private(set) var metadataChecksum: UInt64 = 0
    private(set) var kinds = KindTable.own
    /// The first chunk was recorded after different metadata: somebody changed these, and corrected their checksums.
    private var doubtsMetadata = false
    /// Where a log begins that has only a part of its run.
    private(set) var begin: LogBegin?
    /// The checksums of the headers of all chunks of events, by the index; nil: lost, or format 1, which has none.
    private(set) var index: Set<UInt64>?
    /// The number of events, by the index; nil: lost.
    private(set) var indexedEvents: UInt64?
    private(set) var end: LogEnd?
    /// Where the end's chunk ends, and whether the trailer is there.
    private var endOfLog: UInt64?
    private(set) var hasTrailer = false
    /// The parts of `NAME` that were understood, besides pieces.
    private(set) var understood: [Range<UInt64>] = []
    private(set) var segmentSize: UInt32 = 1 << 20
    private(set) var hasLive = false
    private(set) var recorderErrno: Int32 = 0
    private(set) var live: [LiveSnapshot.Segment] = []
    let chunks: ChunkReader
    private var decoder = EventDecoder(.own)
    private let buffer = RawBuffer()
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

    // MARK: NAME

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

    /// False: the chunk isn't good.
    private mutating func take(_ header: ChunkHeader, _ offset: UInt64) throws(LogError) -> Bool {
        do throws(LogError) {
            try chunks.read(header, at: offset, into: buffer)
        } catch {
            if error.code == .damaged { return false }
            throw error
        }
        let bytes = UnsafeRawBufferPointer(start: buffer.start, count: Int(header.rawLength))
        let range = offset..<header.end(from: offset)
        switch header.kind {
        case .metadata: return takeMetadata(header, bytes, range)
        case .events: return try takeEvents(header, bytes, range)
        case .index:
            guard let found = LogIndex(decoding: bytes, version: chunks.version) else { return false }
            let checksums = found.entries.compactMap(\.checksum)
            if !checksums.isEmpty { index = Set(checksums) }
            indexedEvents = header.firstEvent
        case .end:
            guard let found = LogEnd(decoding: bytes), found.eventCount == header.firstEvent else {
                return false
            }
            end = found
            endOfLog = range.upperBound
        case .gap:
            // What is missing shows in the numbers of the chunks around it.
            guard LogGap(decoding: bytes, header) != nil else { return false }
        }
        understood.append(range)
        return true
    }

    private mutating func takeMetadata(
        _ header: ChunkHeader, _ bytes: UnsafeRawBufferPointer, _ range: Range<UInt64>
    ) -> Bool {
        guard let (_, kinds) = LogMetadata.decode(bytes), header.sequence == 0, metadata == nil else {
            return false
        }
        for kind in EventKind.allCases {
            if let entry = kinds.entry(kind.rawValue), entry.layout != kind.layout.description {
                return false
            }
        }
        metadata = Array(bytes)
        metadataChecksum = header.checksum
        self.kinds = kinds
        setKinds(kinds)
        understood.append(range)
        return true
    }

    /// Decodes all events: whoever changed a chunk may have corrected its checksums.
    private mutating func takeEvents(
        _ header: ChunkHeader, _ bytes: UnsafeRawBufferPointer, _ range: Range<UInt64>
    ) throws(LogError) -> Bool {
        guard let start = bytes.baseAddress,
            !header.firstEvent.addingReportingOverflow(UInt64(header.eventCount)).overflow
        else { return false }
        if header.sequence == 1 {
            doubtsMetadata = header.link != ChunkHeader.link(metadataChecksum, version: chunks.version)
        }
        let before = pieces.last.map(\.chain) ?? RunningChecksum.seed
        var decoded = decode(start, bytes.count, header, before)
        if decoded == nil, doubtsMetadata, metadata != nil {
            // Perhaps their table of kinds was changed.
            setKinds(.own)
            decoded = decode(start, bytes.count, header, before)
            if decoded != nil { metadata = nil } else { setKinds(kinds) }
        }
        guard let (icount, chain) = decoded else { return false }
        guard pieces.makeRoom() else { throw LogError.system(.noMemory, "read", chunks.path) }
        pieces.append(
            SalvagedPiece(
                source: .chunk(header, range), sequence: header.sequence, firstEvent: header.firstEvent,
                firstIcount: header.firstIcount, eventCount: header.eventCount, endIcount: icount,
                chain: header.chain,
                chainBefore: chunks.version == 1 && chain == header.chain ? before : nil,
                checksum: header.checksum))
        return true
    }

    /// Icount and, in format 1, the running checksum after the events; nil: they aren't events.
    private mutating func decode(
        _ start: UnsafeRawPointer, _ count: Int, _ header: ChunkHeader, _ before: UInt64
    ) -> (icount: UInt64, chain: UInt64)? {
        decoder.begin(
            start, count: count, firstEvent: header.firstEvent, firstIcount: header.firstIcount,
            eventCount: UInt64(header.eventCount))
        var (icount, chain) = (header.firstIcount, before)
        while decoder.remaining > 0 {
            let event = decoder.cursor
            guard decoder.skip(), decoder.icount >= icount else { return nil }
            icount = decoder.icount
            if chunks.version == 1 {
                chain = RunningChecksum.fold(chain, event: event, count: decoder.cursor - event)
            }
        }
        return decoder.cursor == decoder.end ? (icount, chain) : nil
    }

    private mutating func setKinds(_ table: KindTable) {
        chunks.kinds = table
        decoder.deallocate()
        decoder = EventDecoder(table)
    }

    /// Of a whole log it follows the end.
    private mutating func takeTrailer() throws(LogError) {
        guard let place = endOfLog, place <= chunks.size else { return }
        let bytes = try chunks.bytes(at: place, count: FileTrailer.size)
        if bytes.withUnsafeBytes({ FileTrailer(decoding: $0) }) != nil {
            understood.append(place..<place &+ UInt64(FileTrailer.size))
            hasTrailer = true
        }
    }

    // MARK: The live file

    /// Takes segments that belong to the log, as far as they are good.
    private mutating func readLive(_ path: String, _ system: Syscalls) throws(LogError) {
        if end != nil { return }
        let next = (try? LiveSnapshot(path: path + LogFiles.Suffix.newLive, system: system)) ?? nil
        var found = next.flatMap { $0.tie == chunks.inode ? $0 : nil }
        if found == nil {
            found = (try? LiveSnapshot(path: path + LogFiles.Suffix.live, system: system)) ?? nil
        }
        guard let found else { return }
        if found.isHeld {
            throw LogError(.busy, "\(path) is being recorded: wait until its recorder has ended")
        }
        if metadata != nil, let binding = found.binding,
            binding != UInt32(truncatingIfNeeded: metadataChecksum)
        {
            return
        }
        hasLive = true
        recorderErrno = found.failure ?? 0
        live = found.segments
        for (number, segment) in live.enumerated() {
            let check = LiveSegmentCheck(segment, &decoder)
            guard check.eventCount > 0, let count = UInt32(exactly: check.eventCount) else { continue }
            let (icount, chain) = end(of: segment, check)
            pieces.append(
                SalvagedPiece(
                    source: .live(number, check.length), sequence: segment.header.sequence,
                    firstEvent: segment.header.firstEvent, firstIcount: segment.header.firstIcount,
                    eventCount: count, endIcount: icount, chain: chain, chainBefore: segment.header.chain,
                    isWhole: check.isWhole))
        }
    }

    /// Icount and running checksum after the good events of a segment.
    private mutating func end(of segment: LiveSnapshot.Segment, _ check: LiveSegmentCheck) -> (UInt64, UInt64)
    {
        guard let start = segment.bytes.start else { return (0, 0) }
        decoder.begin(
            UnsafeRawPointer(start), count: check.length, firstEvent: segment.header.firstEvent,
            firstIcount: segment.header.firstIcount, eventCount: check.eventCount)
        var chain = segment.header.chain
        while decoder.remaining > 0 {
            let event = decoder.cursor
            guard decoder.skip() else { break }
            chain = RunningChecksum.fold(chain, event: event, count: decoder.cursor - event)
        }
        return (decoder.icount, chain)
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
