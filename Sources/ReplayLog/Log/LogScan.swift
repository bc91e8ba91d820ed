import Glibc
import ReplaySystem

/// Reads the skeleton of a log: by its index if it is finished, otherwise header by header. Then appends
/// the live segments to the chunks.
struct LogScan {
    /// How `NAME` ends.
    enum Tail {
        /// After a whole chunk.
        case clean
        /// Within a chunk.
        case cut
        /// With an incomplete end.
        case cutInEnd
        case damaged(LogError)
    }

    var contents: LogContents
    let chunks: ChunkReader
    let buffer: RawBuffer
    var tail = Tail.clean
    /// The checksum of the metadata chunk's header, when there is one.
    private(set) var metadataChecksum: UInt64?
    /// The sequence number of the next chunk.
    private(set) var sequence: UInt64 = 0
    private(set) var offset = UInt64(FileHeader.size)
    var chain = RunningChecksum.seed
    /// The checksum of the header of the chunk before `offset`.
    private(set) var previous: UInt64 = 0
    /// Is it the same in both places where the log says how it begins?
    private(set) var beginIsWhole = true
    var path: String { chunks.path }

    init(path: String, system: Syscalls) throws(LogError) {
        let (scan, damage) = try LogScan.open(path, system)
        self = scan
        if contents.end != nil { return }
        try self.scan()
        if let damage, case .clean = tail { tail = .damaged(damage) }
        settle()
    }

    /// A log by its index; nil if it has no end. Looks at no chunk of events.
    static func contents(ofFinished path: String, system: Syscalls) throws(LogError) -> LogContents? {
        let contents = try open(path, system).scan.contents
        return contents.end == nil ? nil : contents
    }

    /// Reads what is at the beginning and, if the log is finished, the index. Otherwise with the damage in a log that
    /// has a trailer.
    private static func open(_ path: String, _ system: Syscalls) throws(LogError) -> (
        scan: LogScan, damage: LogError?
    ) {
        var scan = try LogScan(opening: path, system)
        try scan.readMetadata()
        let damage = scan.sequence >= 1 ? try scan.readFinished() : nil
        return (scan, damage)
    }

    private init(opening path: String, _ system: Syscalls) throws(LogError) {
        chunks = try ChunkReader(path: path, system: system)
        buffer = RawBuffer()
        contents = LogContents(chunks: chunks)
        try chunks.readComments()
        let header = try chunks.bytes(at: 0, count: FileHeader.size)
        chunks.version = try Self.checkHeader(header, path).version
        contents.metadata.formatVersion = chunks.version
    }

    private static func checkHeader(_ bytes: [UInt8], _ path: String) throws(LogError) -> FileHeader {
        let result: Result<FileHeader, LogError> = bytes.withUnsafeBytes { bytes in
            do throws(LogError) {
                return .success(try FileHeader.decode(bytes, path: path))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    // MARK: The parts

    /// Reads chunk 0. If the file ends within it, there is no metadata, and there are no chunks of events.
    private mutating func readMetadata() throws(LogError) {
        guard case .chunk(let header) = try found(at: offset) else { return }
        let damage = LogError(.damaged, "\(path) is damaged in its metadata", offset: offset)
        guard header.kind == .metadata, header.sequence == 0, header.link == 0 else { throw damage }
        try chunks.read(header, at: offset, into: buffer)
        let bytes = UnsafeRawBufferPointer(start: buffer.start, count: Int(header.rawLength))
        guard let (metadata, kinds) = LogMetadata.decode(bytes) else { throw damage }
        for kind in EventKind.allCases {
            if let entry = kinds.entry(kind.rawValue), entry.layout != kind.layout.description {
                throw LogError(
                    .version,
                    "\(path) lays out \(entry.name) as \"\(entry.layout)\", this library as \"\(kind.layout)\"",
                    offset: offset)
            }
        }
        contents.metadata = metadata
        contents.metadata.formatVersion = chunks.version
        contents.kinds = kinds
        chunks.kinds = kinds
        previous = header.checksum
        metadataChecksum = previous
        contents.metadataChecksum = previous
        sequence = 1
        offset = header.end(from: offset)
        if chunks.version >= FileHeader.versionWithBegin { try readBegin() }
        contents.entriesEnd = offset
    }

    /// Reads where the log begins, from the later one of the two records that is whole.
    private mutating func readBegin() throws(LogError) {
        let end = offset
        let first = LogBegin.place(after: end)
        offset = LogBegin.firstChunk(after: end)
        let bytes = try chunks.bytes(at: end, count: Int(offset &- end))
        var found: [LogBegin] = []
        var isWhole = bytes.count == Int(offset &- end)
        bytes.withUnsafeBytes { bytes in
            var used = 0
            for number in 0..<2 {
                let place = Int(first &- end) &+ number &* Int(LogBegin.spacing)
                guard place &+ LogBegin.size <= bytes.count else {
                    isWhole = false
                    return
                }
                let record = UnsafeRawBufferPointer(rebasing: bytes[place..<place &+ LogBegin.size])
                if !bytes[used..<place].allSatisfy({ $0 == 0 }) { isWhole = false }
                used = place &+ LogBegin.size
                guard let begin = LogBegin(decoding: record), begin.offset >= offset,
                    begin.offset <= chunks.size
                else { continue }
                found.append(begin)
            }
            if !bytes[used...].allSatisfy({ $0 == 0 }) { isWhole = false }
        }
        guard let begin = found.max(by: { $0.generation < $1.generation }) else {
            throw LogError(.damaged, "\(path) is damaged where it says how it begins", offset: first)
        }
        // A finished log has the same twice.
        beginIsWhole = isWhole && found.count == 2 && found[0] == found[1]
        contents.begin = begin
        contents.chunkEvents = begin.firstEvent
        previous = begin.previous
        chain = begin.chain
        sequence = begin.sequence
        offset = begin.offset
    }

    /// Reads a header, or finds how the file ends there. Damage in chunk 0 damages the whole log.
    private func found(at offset: UInt64) throws(LogError) -> ChunkReader.Found {
        let found = try chunks.header(at: offset)
        if case .damage = found, sequence == 0 {
            throw LogError(.damaged, "\(path) is damaged in its metadata", offset: offset)
        }
        return found
    }

    // MARK: The scan

    /// Goes from header to header as far as each continues the last one.
    private mutating func scan() throws(LogError) {
        while offset < chunks.size {
            switch try found(at: offset) {
            case .cut:
                tail = .cut
                return
            case .damage:
                tail = .damaged(damage("chunk \(sequence)"))
                return
            case .chunk(let header):
                guard header.sequence == sequence, header.firstEvent == contents.chunkEvents else {
                    tail = .damaged(damage("the order of its chunks"))
                    return
                }
                if header.kind == .events || header.kind == .gap {
                    guard header.link == link(to: previous) else {
                        tail = .damaged(
                            damage("chunk \(sequence), which doesn't continue the chunk before it,"))
                        return
                    }
                    do throws(LogError) { try take(header) } catch {
                        guard error.code == .damaged else { throw error }
                        tail = .damaged(error)
                        return
                    }
                } else {
                    tail = try readTail(header)
                    return
                }
            }
        }
    }

    private mutating func take(_ header: ChunkHeader) throws(LogError) {
        guard contents.entries.makeRoom() else {
            throw LogError.system(.noMemory, "read", path, offset: offset)
        }
        let next =
            header.kind == .gap
            ? try chunks.gap(header, at: offset).nextEvent : contents.chunkEvents &+ UInt64(header.eventCount)
        previous = header.checksum
        contents.entries.append(
            LogIndex.Entry(
                offset: offset, firstEvent: header.firstEvent, firstIcount: header.firstIcount,
                checksum: chunks.version == 1 ? nil : previous))
        contents.chunkEvents = next
        offset = header.end(from: offset)
        contents.entriesEnd = offset
        chain = header.chain
        sequence &+= 1
    }

    /// Reads what follows the events: index, end record and trailer, as far as they exist.
    private func readTail(_ indexHeader: ChunkHeader) throws(LogError) -> Tail {
        let endOffset = indexHeader.end(from: offset)
        let damaged = Tail.damaged(damage("its index"))
        guard indexHeader.kind == .index, let index = try readIndex(indexHeader, at: offset),
            index.entries == contents.entries, indexHeader.link == link(to: previous)
        else { return damaged }
        let endHeader: ChunkHeader
        switch try chunks.header(at: endOffset) {
        case .cut: return .cutInEnd
        case .damage: return damaged
        case .chunk(let header): endHeader = header
        }
        guard endHeader.kind == .end, endHeader.sequence == sequence &+ 1,
            endHeader.link == link(to: indexHeader.checksum),
            let end = try readEnd(endHeader, at: endOffset), end.eventCount == contents.chunkEvents
        else { return .damaged(damage("its end")) }
        let trailerOffset = endHeader.end(from: endOffset)
        let trailer = FileTrailer(
            indexOffset: offset, endOffset: endOffset, fileSize: trailerOffset &+ UInt64(FileTrailer.size))
        let rest = try chunks.bytes(at: trailerOffset, count: FileTrailer.size)
        let (cut, expected) = (rest.count < FileTrailer.size, trailer.encoded())
        if !expected.starts(with: rest) { return .damaged(damage("its trailer")) }
        if cut { return .cutInEnd }
        return .damaged(LogError(.damaged, "\(path) has bytes after its end", offset: trailer.fileSize))
    }

    func link(to checksum: UInt64) -> UInt32 {
        ChunkHeader.link(checksum, version: chunks.version)
    }

    func damage(_ what: String) -> LogError {
        LogError(
            .damaged, "\(path) is damaged in \(what) at byte \(offset)", offset: offset,
            eventIndex: contents.chunkEvents)
    }

    /// The state of a log that has no live file.
    private mutating func settle() {
        switch tail {
        case .clean where contents.begin?.isCut == true:
            contents.state = .died(reason: LogEnd(ending: .cut).reason ?? "")
        case .clean:
            contents.state = .died(reason: "its file was cut, or its live file is lost")
        case .cut:
            contents.incompleteBytes = chunks.size &- offset
            contents.state = .died(
                reason: "its file was cut, or its live file is lost: the last \(contents.incompleteBytes) "
                    + "bytes are an incomplete chunk")
        case .cutInEnd: contents.state = .died(reason: "the log was cut within its end")
        case .damaged(let error):
            contents.state = .died(reason: error.message)
            contents.ending = error
        }
    }
}
