import ReplaySystem

/// A finished log is read by its index.
extension LogScan {
    /// Opens a finished log by its trailer. Returns the damage in a log that has a trailer.
    mutating func readFinished() throws(LogError) -> LogError? {
        guard chunks.size >= UInt64(FileTrailer.size) &+ offset else { return nil }
        let trailerOffset = chunks.size &- UInt64(FileTrailer.size)
        let bytes = try chunks.bytes(at: trailerOffset, count: FileTrailer.size)
        guard let trailer = bytes.withUnsafeBytes({ FileTrailer(decoding: $0) }) else { return nil }
        let damage = LogError(.damaged, "\(path) is damaged in its index", offset: trailer.indexOffset)
        guard trailer.fileSize == chunks.size, trailer.indexOffset >= offset,
            case .chunk(let indexHeader) = try chunks.header(at: trailer.indexOffset),
            indexHeader.kind == .index,
            indexHeader.end(from: trailer.indexOffset) == trailer.endOffset,
            case .chunk(let endHeader) = try chunks.header(at: trailer.endOffset), endHeader.kind == .end,
            endHeader.end(from: trailer.endOffset) == trailerOffset,
            let index = try readIndex(indexHeader, at: trailer.indexOffset),
            let end = try readEnd(endHeader, at: trailer.endOffset)
        else { return damage }
        let count = UInt64(truncatingIfNeeded: index.entries.count)
        guard indexHeader.sequence == sequence &+ count, endHeader.sequence == indexHeader.sequence &+ 1,
            indexHeader.firstEvent == end.eventCount, endHeader.firstEvent == end.eventCount,
            endHeader.firstIcount == indexHeader.firstIcount, endHeader.chain == indexHeader.chain,
            index.entries.first?.offset ?? trailer.indexOffset == offset,
            index.entries.first?.firstEvent ?? end.eventCount == contents.chunkEvents,
            index.entries.last.map({ $0.offset < trailer.indexOffset && $0.firstEvent < end.eventCount })
                ?? true,
            indexHeader.link == link(to: index.entries.last?.checksum ?? previous),
            endHeader.link == link(to: indexHeader.checksum)
        else { return damage }
        if !beginIsWhole {
            return LogError(.damaged, "\(path) is damaged where it says how it begins", offset: offset)
        }
        contents.entries = index.entries
        contents.entriesEnd = trailer.indexOffset
        contents.chunkEvents = end.eventCount
        finish(end)
        return nil
    }

    private mutating func finish(_ end: LogEnd) {
        contents.end = end
        contents.recorderErrno = end.recorderErrno
        contents.state = end.reason.map { .died(reason: $0) } ?? .finished(end)
    }

    func readIndex(_ header: ChunkHeader, at offset: UInt64) throws(LogError) -> LogIndex? {
        guard try readSmall(header, at: offset) else { return nil }
        guard CheckedMemory.has(2 &* Int(header.rawLength)) else {
            throw LogError.system(.noMemory, "read", path, offset: offset)
        }
        return LogIndex(
            decoding: UnsafeRawBufferPointer(start: buffer.start, count: Int(header.rawLength)),
            version: chunks.version)
    }

    func readEnd(_ header: ChunkHeader, at offset: UInt64) throws(LogError) -> LogEnd? {
        guard try readSmall(header, at: offset) else { return nil }
        return LogEnd(decoding: UnsafeRawBufferPointer(start: buffer.start, count: Int(header.rawLength)))
    }

    /// False: the payload is damaged.
    private func readSmall(_ header: ChunkHeader, at offset: UInt64) throws(LogError) -> Bool {
        do throws(LogError) {
            try chunks.read(header, at: offset, into: buffer)
            return true
        } catch {
            if error.code == .damaged { return false }
            throw error
        }
    }
}
