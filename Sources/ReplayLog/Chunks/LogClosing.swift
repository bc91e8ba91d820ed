/// What ends a finished log: index, end record and trailer.
struct LogClosing {
    var index: LogIndex
    var end: LogEnd
    /// Of the last event.
    var icount: UInt64
    var chain: UInt64
    /// The number of the index chunk.
    var sequence: UInt64
    /// The checksum of the header of the chunk before it.
    var previous: UInt64

    /// Nil: the index is too long.
    func encoded(at offset: UInt64) -> [UInt8]? {
        var bytes: [UInt8] = []
        var header = ChunkHeader(
            kind: .index, sequence: sequence, firstEvent: end.eventCount, firstIcount: icount, chain: chain)
        let indexBytes = index.encoded()
        guard UInt64(indexBytes.count) <= ChunkHeader.longestPayload else { return nil }
        header.append(indexBytes, after: previous, to: &bytes)
        let link = header.checksum
        let endOffset = offset &+ UInt64(truncatingIfNeeded: bytes.count)
        header.kind = .end
        header.sequence = sequence &+ 1
        header.append(end.encoded(), after: link, to: &bytes)
        let size = offset &+ UInt64(truncatingIfNeeded: bytes.count) &+ UInt64(FileTrailer.size)
        bytes += FileTrailer(indexOffset: offset, endOffset: endOffset, fileSize: size).encoded()
        return bytes
    }
}

extension ChunkHeader {
    /// Completes the header of a chunk that isn't compressed, and appends both to `bytes`.
    ///
    /// - Parameter previous: the checksum of the header of the chunk before it.
    mutating func append(_ payload: [UInt8], after previous: UInt64, to bytes: inout [UInt8]) {
        link = ChunkHeader.link(previous, version: FileHeader.version)
        rawLength = UInt32(truncatingIfNeeded: payload.count)
        storedLength = rawLength
        payloadChecksum = payload.withUnsafeBytes { Checksum.xxh3($0) }
        bytes += encoded()
        bytes += payload
    }
}
