import Glibc
import ReplaySystem

/// Reads the chunks of `NAME`, and uses nothing before its checksum matches.
final class ChunkReader {
    /// What was found at a place where a chunk may begin.
    enum Found {
        case chunk(ChunkHeader)
        /// The file ends before the chunk does.
        case cut
        case damage
    }

    let path: String
    /// The file's size when it was opened. What a recorder appends later isn't looked at.
    let fileSize: UInt64
    /// The same without the comments.
    private(set) var size: UInt64
    private(set) var comments: [LogComment] = []
    private(set) var commentDamage: LogError?
    let inode: UInt64
    /// The log's format, from its header.
    var version = FileHeader.version
    private let system: Syscalls
    private let descriptor: Int32
    private let decompressor: Decompressor
    private let stored = RawBuffer()
    /// The log's kinds, once they are known.
    var kinds = KindTable.own { didSet { merger = nil } }
    private var merger: ColumnMerger?
    private let use: FileUse?

    init(path: String, system: Syscalls) throws(LogError) {
        switch system.open(path, O_RDONLY | O_NONBLOCK) {
        case .success(let value): descriptor = value
        case .failure(let error): throw LogError.system(error, "opened", path)
        }
        guard case .success(let status) = system.status(descriptor), status.st_mode & S_IFMT == S_IFREG,
            let size = UInt64(exactly: status.st_size)
        else {
            system.close(descriptor)
            throw LogError(.notALog, "\(path) is not a regular file")
        }
        guard let decompressor = Decompressor() else {
            system.close(descriptor)
            throw LogError.system(.noMemory, "read", path)
        }
        let (use, conflict) = FileUse.begin(.replayedLog, descriptor)
        if let conflict {
            system.close(descriptor)
            throw LogError(.busy, "\(path) is \(conflict)")
        }
        self.use = use
        // No recorder replaces it while it is read.
        system.lockForReading(descriptor)
        self.path = path
        self.size = size
        fileSize = size
        inode = UInt64(status.st_ino)
        self.system = system
        self.decompressor = decompressor
    }

    deinit {
        system.close(descriptor)
    }

    func note(_ comments: [LogComment], _ damage: LogError?, logEnd: UInt64) {
        self.comments = comments
        commentDamage = damage
        size = logEnd
    }

    /// Up to `count` bytes; fewer at the file's end.
    func bytes(at offset: UInt64, count: Int) throws(LogError) -> [UInt8] {
        guard CheckedMemory.has(count) else { throw LogError.system(.noMemory, "read", path, offset: offset) }
        var failure: SystemError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            switch system.read(descriptor, into: UnsafeMutableRawBufferPointer(buffer), at: offset) {
            case .success(let read): filled = read
            case .failure(let error): failure = error
            }
        }
        if let failure { throw LogError.system(failure, "read", path, offset: offset) }
        return bytes
    }

    /// From the file's header.
    func segmentSize() throws(LogError) -> UInt32 {
        let bytes = try bytes(at: 0, count: FileHeader.size)
        let header = bytes.withUnsafeBytes { bytes in
            Result { () throws(LogError) in try FileHeader.decode(bytes, path: path) }
        }
        return try header.get().segmentSize
    }

    /// The header of the chunk at `offset`.
    func header(at offset: UInt64) throws(LogError) -> Found {
        guard offset < size else { return .cut }
        let bytes = try bytes(at: offset, count: ChunkHeader.size)
        let header = bytes.withUnsafeBytes { ChunkHeader(decoding: $0) }
        if let header {
            guard header.isWithinLimits(version: version) else { return .damage }
            return header.end(from: offset) <= size ? .chunk(header) : .cut
        }
        // A truncated header begins as a whole one does.
        let isStart = bytes.count < ChunkHeader.size && zip(bytes, ChunkHeader.magic).allSatisfy { $0 == $1 }
        return isStart ? .cut : .damage
    }

    /// The payload of a chunk as it was before compression, in `target`.
    func read(_ header: ChunkHeader, at offset: UInt64, into target: RawBuffer) throws(LogError) {
        let damage = LogError(
            .damaged, "\(path) is damaged in chunk \(header.sequence) at byte \(offset)", offset: offset,
            eventIndex: header.firstEvent, icount: header.firstIcount)
        let count = Int(header.storedLength)
        let rawCount = Int(header.rawLength)
        let buffer = header.codec == .stored ? target : stored
        guard target.reserve(rawCount), buffer.reserve(count), let start = buffer.start,
            let raw = target.start
        else {
            throw LogError.system(.noMemory, "read", path, offset: offset)
        }
        let bytes = UnsafeMutableRawBufferPointer(start: start, count: count)
        switch system.read(descriptor, into: bytes, at: offset &+ UInt64(ChunkHeader.size)) {
        case .success(count): break
        case .success: throw damage
        case .failure(let error): throw LogError.system(error, "read", path, offset: offset)
        }
        guard Checksum.xxh3(UnsafeRawBufferPointer(bytes)) == header.payloadChecksum else { throw damage }
        let whole = UnsafeMutableRawBufferPointer(start: raw, count: rawCount)
        switch header.codec {
        case .stored: break
        case .zstd:
            guard decompressor.decompress(UnsafeRawBufferPointer(bytes), into: whole) else { throw damage }
        case .columns:
            let merger = self.merger ?? ColumnMerger(kinds)
            self.merger = merger
            switch merger.merge(UnsafeRawBufferPointer(bytes), header.eventCount, into: whole, decompressor) {
            case .whole: break
            case .damaged: throw damage
            case .noMemory: throw LogError.system(.noMemory, "read", path, offset: offset)
            }
        }
        target.clearSlack(after: rawCount)
    }

    /// The payload of a chunk that is a gap.
    func gap(_ header: ChunkHeader, at offset: UInt64) throws(LogError) -> LogGap {
        let buffer = RawBuffer()
        try read(header, at: offset, into: buffer)
        let bytes = UnsafeRawBufferPointer(start: buffer.start, count: Int(header.rawLength))
        guard let gap = LogGap(decoding: bytes, header) else {
            throw LogError(
                .damaged, "\(path) is damaged in chunk \(header.sequence) at byte \(offset)", offset: offset,
                eventIndex: header.firstEvent, icount: header.firstIcount)
        }
        return gap
    }
}
