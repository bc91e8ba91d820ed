import Glibc

/// Appends chunks to `NAME`. Used by the sealer's thread only.
///
/// A chunk that can't be written wholly is cut off again, so that the file always ends behind a
/// whole chunk.
final class ChunkWriter {
    private let system: Syscalls
    private let path: String
    private let descriptor: Int32
    private let compressor: Compressor
    private let buffer = RawBuffer()
    private let segmentCapacity: Int
    /// The file's length: the end of the last whole chunk.
    private var tail: UInt64
    private var sequence: UInt64 = 0
    /// The checksum of the last chunk's header.
    private var previous: UInt64 = 0
    private var index = LogIndex()

    /// The file has its header; `capacity` is the longest payload of a usual chunk.
    init(path: String, descriptor: Int32, capacity: Int, options: LogOptions, system: Syscalls)
        throws(LogError)
    {
        guard let compressor = Compressor(level: options.compressionLevel),
            buffer.reserve(ChunkWriter.room(capacity))
        else { throw LogError.system(ENOMEM, "written", path) }
        self.path = path
        self.descriptor = descriptor
        self.compressor = compressor
        self.system = system
        segmentCapacity = capacity
        tail = UInt64(FileHeader.size)
    }

    /// Writes the metadata, uncompressed: anyone may look at it. `announce` gets the header's checksum
    /// before a byte is written.
    func writeMetadata(_ payload: [UInt8], announce: (UInt64) -> Void) throws(LogError) {
        var header = ChunkHeader(
            kind: .metadata, sequence: sequence, firstEvent: 0, firstIcount: 0, chain: RunningChecksum.seed)
        var bytes: [UInt8] = []
        append(&header, payload, to: &bytes)
        announce(header.checksum)
        try put(bytes)
        previous = header.checksum
        sequence = 1
    }

    /// Writes the events of one segment.
    func writeEvents(_ description: SegmentDescription, _ raw: UnsafeRawBufferPointer) throws(LogError) {
        var entry = LogIndex.Entry(
            offset: tail, firstEvent: description.header.firstEvent,
            firstIcount: description.header.firstIcount)
        var header = ChunkHeader(
            kind: .events, sequence: description.header.sequence, firstEvent: entry.firstEvent,
            firstIcount: entry.firstIcount, chain: description.chain)
        header.eventCount = description.eventCount
        try write(&header, raw)
        entry.checksum = header.checksum
        previous = header.checksum
        index.entries.append(entry)
    }

    /// Writes index, end record and trailer, in one go.
    func writeFinish(_ end: LogEnd, icount: UInt64, chain: UInt64) throws(LogError) {
        var bytes: [UInt8] = []
        let indexOffset = tail
        var header = ChunkHeader(
            kind: .index, sequence: sequence, firstEvent: end.eventCount, firstIcount: icount, chain: chain)
        let indexBytes = index.encoded()
        guard UInt64(indexBytes.count) <= ChunkHeader.longestPayload else {
            throw LogError(.tooLarge, "\(path) has too many chunks for an index: choose larger segments")
        }
        append(&header, indexBytes, to: &bytes)
        previous = header.checksum
        let endOffset = tail &+ UInt64(truncatingIfNeeded: bytes.count)
        header.kind = .end
        header.sequence = sequence &+ 1
        append(&header, end.encoded(), to: &bytes)
        let size = tail &+ UInt64(truncatingIfNeeded: bytes.count) &+ UInt64(FileTrailer.size)
        bytes += FileTrailer(indexOffset: indexOffset, endOffset: endOffset, fileSize: size).encoded()
        try put(bytes)
    }

    func sync() throws(LogError) {
        if let error = system.sync(descriptor) { throw LogError.system(error, "synced", path) }
    }

    /// Completes a header and appends the chunk, uncompressed, to `bytes`.
    private func append(_ header: inout ChunkHeader, _ payload: [UInt8], to bytes: inout [UInt8]) {
        header.link = ChunkHeader.link(previous, version: FileHeader.version)
        header.rawLength = UInt32(truncatingIfNeeded: payload.count)
        header.storedLength = header.rawLength
        header.payloadChecksum = payload.withUnsafeBytes { Checksum.xxh3($0) }
        bytes += header.encoded()
        bytes += payload
    }

    /// Compresses, completes the header, writes both with one call.
    private func write(_ header: inout ChunkHeader, _ raw: UnsafeRawBufferPointer) throws(LogError) {
        // The usual buffer is never given back: a segment always has its memory.
        let buffer = raw.count > segmentCapacity ? RawBuffer() : buffer
        guard buffer.reserve(ChunkWriter.room(raw.count)), let start = buffer.start else {
            throw LogError(.noMemory, "\(path) can't take \(raw.count) bytes at once: not enough memory")
        }
        let payload = UnsafeMutableRawBufferPointer(
            start: start + ChunkHeader.size, count: buffer.capacity &- ChunkHeader.size)
        let stored: Int
        if let count = compressor.compress(raw, into: payload) {
            header.codec = .zstd
            stored = count
        } else {
            payload.copyMemory(from: raw)
            stored = raw.count
        }
        header.link = ChunkHeader.link(previous, version: FileHeader.version)
        header.rawLength = UInt32(truncatingIfNeeded: raw.count)
        header.storedLength = UInt32(truncatingIfNeeded: stored)
        header.payloadChecksum = Checksum.xxh3(UnsafeRawBufferPointer(rebasing: payload[..<stored]))
        let bytes = header.encoded()
        UnsafeMutableRawBufferPointer(start: start, count: ChunkHeader.size).copyBytes(from: bytes)
        if let error = put(UnsafeRawBufferPointer(start: start, count: ChunkHeader.size &+ stored)) {
            throw error
        }
        sequence = header.sequence &+ 1
    }

    private func put(_ bytes: [UInt8]) throws(LogError) {
        if let error = bytes.withUnsafeBytes({ put($0) }) { throw error }
    }

    /// Appends bytes wholly or not at all.
    private func put(_ bytes: UnsafeRawBufferPointer) -> LogError? {
        if let error = system.write(descriptor, bytes, at: tail) {
            _ = system.truncate(descriptor, size: tail)
            return LogError.system(error, "written", path, offset: tail)
        }
        tail &+= UInt64(truncatingIfNeeded: bytes.count)
        return nil
    }

    /// A header and a payload, compressed or not.
    private static func room(_ raw: Int) -> Int {
        ChunkHeader.size &+ max(raw, Compressor.bound(raw))
    }
}
