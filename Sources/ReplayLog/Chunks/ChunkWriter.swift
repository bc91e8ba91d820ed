import Glibc
import ReplaySystem

/// Appends chunks to `NAME`. Used by the sealer's thread only, except ``sync()`` and ``expire()``.
///
/// If a chunk can't be written completely, the file is truncated, so that it always ends after a
/// whole chunk.
final class ChunkWriter {
    private let system: Syscalls
    private let path: String
    private let descriptor: Int32
    private let header: [UInt8]
    private let compressor: Compressor?
    private let splitter: ColumnSplitter?
    private let buffer = RawBuffer()
    private let segmentCapacity: Int
    /// The file's length: the end of the last whole chunk.
    private(set) var tail: UInt64
    private var sequence: UInt64 = 0
    /// The checksum of the last chunk's header.
    private var previous: UInt64 = 0
    private var index = LogIndex()
    private let ring: LogRing?
    /// When a ring has so many, it is time to forget dropped ones.
    private var mostEntries = 1024

    /// - Parameter kinds: of the events, if they are to be stored in columns.
    init(
        path: String, descriptor: Int32, layout: LiveLayout, options: LogOptions, ring: LogRing? = nil,
        kinds: KindTable = .own,
        system: Syscalls
    ) throws(LogError) {
        segmentCapacity = layout.capacity
        let level = options.compressionLevel
        compressor = options.compression == .none ? nil : Compressor(level: level)
        splitter = options.compression == .columns ? ColumnSplitter(kinds, level: level) : nil
        guard (compressor != nil) == (options.compression != .none),
            (splitter != nil) == (options.compression == .columns),
            buffer.reserve(ChunkWriter.room(segmentCapacity))
        else { throw LogError.system(.noMemory, "written", path) }
        self.path = path
        self.descriptor = descriptor
        self.system = system
        self.ring = ring
        header = FileHeader(
            version: ring == nil ? FileHeader.version : FileHeader.versionWithBegin,
            segmentSize: UInt32(truncatingIfNeeded: layout.segmentSize)
        ).encoded()
        tail = UInt64(FileHeader.size)
    }

    func writeHeader() throws(LogError) {
        let result = header.withUnsafeBytes { system.write(descriptor, $0, at: 0) }
        try result.orThrow("written", path)
    }

    /// Writes the metadata, uncompressed, so that it is readable in a dump. Calls `announce` with the header's
    /// checksum before a byte is written.
    func writeMetadata(_ payload: [UInt8], announce: (UInt64) -> Void) throws(LogError) {
        var header = ChunkHeader(
            kind: .metadata, sequence: sequence, firstEvent: 0, firstIcount: 0, chain: RunningChecksum.seed)
        var bytes: [UInt8] = []
        header.append(payload, after: previous, to: &bytes)
        announce(header.checksum)
        if let ring {
            let end = tail &+ UInt64(truncatingIfNeeded: bytes.count)
            bytes += ring.begin(
                descriptor, path, metadataEnd: end, previous: header.checksum,
                identity: header.payloadChecksum)
        }
        try put(bytes)
        previous = header.checksum
        sequence = 1
    }

    /// Writes where the log begins; the first chunk of events follows there.
    func writeBegin(_ begin: LogBegin) throws(LogError) -> LogBegin {
        var begin = begin
        begin.previous = previous
        begin.offset = LogBegin.firstChunk(after: tail)
        var bytes = [UInt8](repeating: 0, count: Int(begin.offset &- tail))
        for generation: UInt64 in 1...2 {
            // The same twice, as in any log that isn't being written.
            let place = Int(LogBegin.place(after: tail, generation: generation) &- tail)
            bytes.replaceSubrange(place..<(place &+ LogBegin.size), with: begin.encoded())
        }
        try put(bytes)
        sequence = begin.sequence
        return begin
    }

    /// Writes the events of one segment, unless they are found damaged after they were copied.
    func writeEvents(
        _ description: SegmentDescription, _ raw: UnsafeRawBufferPointer,
        unless wrong: () -> LogError? = { nil }
    ) throws(LogError) {
        var entry = LogIndex.Entry(
            offset: tail, firstEvent: description.header.firstEvent,
            firstIcount: description.header.firstIcount)
        var header = ChunkHeader(
            kind: .events, sequence: description.header.sequence, firstEvent: entry.firstEvent,
            firstIcount: entry.firstIcount, chain: description.chain)
        header.eventCount = description.eventCount
        guard index.entries.makeRoom() else { throw LogError.system(.noMemory, "written", path) }
        try write(&header, raw, wrong)
        ring?.note(header, at: entry.offset, lastIcount: description.lastIcount)
        entry.checksum = header.checksum
        previous = header.checksum
        index.entries.append(entry)
        if index.entries.count >= mostEntries { forgetDropped() }
    }

    /// Forgets the chunks that the log doesn't begin with any more.
    private func forgetDropped() {
        guard let first = ring?.firstOffset else { return }
        index.entries.removeFirst(index.entries.firstIndex { $0.offset >= first } ?? index.entries.count)
        mostEntries = 2 &* index.entries.count &+ 1024
    }

    /// Gives up what is too old.
    func expire() throws(LogError) {
        if let error = ring?.expire() { throw error }
    }

    /// Writes that events are missing between the last chunk and the next one.
    func writeGap(_ gap: LogGap, chain: UInt64) throws(LogError) {
        var entry = LogIndex.Entry(offset: tail, firstEvent: gap.firstEvent, firstIcount: gap.firstIcount)
        var header = ChunkHeader(
            kind: .gap, sequence: sequence, firstEvent: gap.firstEvent, firstIcount: gap.firstIcount,
            chain: chain)
        guard index.entries.makeRoom() else { throw LogError.system(.noMemory, "written", path) }
        var bytes: [UInt8] = []
        header.append(gap.encoded(), after: previous, to: &bytes)
        try put(bytes)
        entry.checksum = header.checksum
        previous = header.checksum
        sequence = header.sequence &+ 1
        index.entries.append(entry)
    }

    /// Writes index, end record and trailer, in one go.
    func writeFinish(_ end: LogEnd, icount: UInt64, chain: UInt64) throws(LogError) {
        // Memory for the encoded index, and again for the whole; arrays double their size when they grow.
        guard CheckedMemory.has(6 &* MemoryLayout<LogIndex.Entry>.stride &* (index.entries.count &+ 64))
        else {
            throw LogError.system(.noMemory, "written", path)
        }
        let closing = LogClosing(
            index: index, end: end, icount: icount, chain: chain, sequence: sequence, previous: previous)
        guard let bytes = closing.encoded(at: tail) else {
            throw LogError(.tooLarge, "\(path) has too many chunks for an index: choose larger segments")
        }
        try put(bytes)
    }

    /// Whether the file still has its header, and the header of each chunk of events. Nothing is given up from now on.
    func verify() throws(LogError) {
        try ring?.finish()
        if try bytes(at: 0, count: FileHeader.size) != header { throw changed("its header", 0) }
        forgetDropped()
        for (number, entry) in index.entries.enumerated() {
            let found = try bytes(at: entry.offset, count: ChunkHeader.size)
            guard let header = found.withUnsafeBytes({ ChunkHeader(decoding: $0) }), header.kind == .events,
                header.checksum == entry.checksum
            else { throw changed("chunk \(number &+ 1)", entry.offset) }
        }
    }

    private func bytes(at offset: UInt64, count: Int) throws(LogError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let result = bytes.withUnsafeMutableBytes { system.read(descriptor, into: $0, at: offset) }
        _ = try result.orThrow("read", path, offset: offset)
        return bytes
    }

    /// Nil if the file's length hasn't changed.
    private func sizeDamage() -> LogError? {
        guard case .success(let status) = system.status(descriptor), status.st_size != off_t(exactly: tail)
        else { return nil }
        return changed("it has \(status.st_size) bytes instead of \(tail)", 0)
    }

    private func changed(_ how: String, _ offset: UInt64) -> LogError {
        LogError(.lost, "\(path) was changed by something else while it was recorded: \(how)", offset: offset)
    }

    func sync() throws(LogError) {
        try system.sync(descriptor).orThrow("synced", path)
    }

    /// Compresses the payload, completes the header, and writes both with one call.
    private func write(
        _ header: inout ChunkHeader, _ raw: UnsafeRawBufferPointer, _ wrong: () -> LogError?
    ) throws(LogError) {
        // The usual buffer is never freed, so a segment always has its memory.
        let buffer = raw.count > segmentCapacity ? RawBuffer() : buffer
        guard buffer.reserve(ChunkWriter.room(raw.count)), let start = buffer.start else {
            throw LogError(.noMemory, "not enough memory to write \(raw.count) bytes to \(path) at once")
        }
        let payload = UnsafeMutableRawBufferPointer(
            start: start + ChunkHeader.size, count: buffer.capacity &- ChunkHeader.size)
        let stored: Int
        if let count = splitter?.compress(raw, into: payload) {
            header.codec = .columns
            stored = count
        } else if let count = compressor?.compress(raw, into: payload) {
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
        let whole = UnsafeRawBufferPointer(start: start, count: ChunkHeader.size &+ stored)
        if let error = wrong() ?? ring?.reserve(chunk: whole.count) ?? put(whole) {
            throw error
        }
        sequence = header.sequence &+ 1
    }

    private func put(_ bytes: [UInt8]) throws(LogError) {
        if let error = bytes.withUnsafeBytes({ put($0) }) { throw error }
    }

    /// Appends bytes wholly or not at all.
    private func put(_ bytes: UnsafeRawBufferPointer) -> LogError? {
        if let damage = sizeDamage() { return damage }
        if case .failure(let error) = system.write(descriptor, bytes, at: tail) {
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
