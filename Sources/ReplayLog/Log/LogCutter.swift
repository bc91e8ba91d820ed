import Glibc
import ReplaySystem

/// Copies a part of a log: whole chunks as they are, so that they keep their numbers, links and checksums.
package struct LogCutter {
    private let reader: LogReader
    private let target: NewFile
    private var tail: UInt64 = 0
    private var index = LogIndex()
    /// The checksum of the header of the last chunk, and its number.
    private var previous: UInt64 = 0
    private var sequence: UInt64 = 0
    private var chain = RunningChecksum.seed
    private var lastIcount: UInt64 = 0

    package init(_ reader: LogReader, to target: NewFile) {
        self.reader = reader
        self.target = target
    }

    /// Writes the part. The events before `first` that are in its chunk are copied too; readers skip them.
    ///
    /// - Parameters:
    ///   - first: the first event, and the icount of the machine before it.
    ///   - last: the number of the event before which the part ends; nil: the log's end.
    package mutating func write(from first: (event: UInt64, icount: UInt64), upTo last: UInt64?)
        throws(LogError)
    {
        guard reader.metadata.formatVersion >= 2 else {
            throw LogError(.version, "\(reader.path) has log format 1: convert it first")
        }
        if let damage = reader.contents.ending { throw damage }
        let end = min(last ?? reader.endEvent, reader.endEvent)
        guard first.event <= end else {
            throw LogError(.misuse, "the part ends before it begins")
        }
        let eventChain = try chain(before: first)
        let metadata = try metadataChunk()
        let fromStart = LogBegin(
            metadataEnd: metadata.end, previous: metadata.checksum, identity: reader.identity)
        var begin = fromStart
        (begin.event, begin.icount, begin.eventChain) = (first.event, first.icount, eventChain)
        begin.isCut = ending(before: end).ending == .cut
        if let source = (0..<reader.sourceCount).last(where: { reader.firstEvent(of: $0) <= first.event }) {
            begin = try place(begin, source)
            try writeHead(metadata, begin, fromStart)
            var number = source
            while number < reader.sourceCount, number == source || reader.firstEvent(of: number) < end {
                try copy(number, upTo: end)
                number += 1
            }
        } else {
            try writeHead(metadata, begin, fromStart)
        }
        try close(ending(before: end), at: first.icount)
    }

    /// What the part says about its end, if that is before this event.
    private func ending(before end: UInt64) -> LogEnd {
        var ending = LogEnd(ending: .cut)
        if end == reader.endEvent, reader.state != .running { ending = reader.end ?? reader.missingEnd }
        ending.eventCount = end
        return ending
    }

    /// The running checksum there. The place must be one of this log.
    private func chain(before first: (event: UInt64, icount: UInt64)) throws(LogError) -> UInt64 {
        let chain = try reader.seek(toEvent: first.event)
        let before = reader.decoder.pointee.icount
        let next = first.event < reader.endEvent ? try reader.next()?.icount : nil
        guard before <= first.icount, first.icount <= next ?? .max else {
            throw LogError(
                .misuse, "\(reader.path) is not at icount \(first.icount) before event \(first.event)")
        }
        return chain
    }

    // MARK: The parts

    /// The metadata's chunk: its bytes, where it ends, and the checksum of its header.
    private func metadataChunk() throws(LogError) -> (bytes: [UInt8], end: UInt64, checksum: UInt64) {
        let offset = UInt64(FileHeader.size)
        let chunks = reader.contents.chunks
        guard case .chunk(let header) = try chunks.header(at: offset) else {
            throw LogError(.damaged, "\(reader.path) has changed since it was opened")
        }
        let end = header.end(from: offset)
        return (try chunks.bytes(at: offset, count: Int(end &- offset)), end, header.checksum)
    }

    /// Writes what comes before the first chunk of events. A part that begins where its run does needs no record that
    /// says so.
    private mutating func writeHead(
        _ metadata: (bytes: [UInt8], end: UInt64, checksum: UInt64), _ begin: LogBegin,
        _ fromStart: LogBegin
    ) throws(LogError) {
        var start = fromStart
        start.isCut = begin.isCut
        let hasBegin = begin != start
        let version = hasBegin ? FileHeader.versionWithBegin : FileHeader.version
        let file = try FileHeader(version: version, segmentSize: reader.contents.chunks.segmentSize())
        try target.write(file.encoded() + metadata.bytes, at: 0)
        (previous, sequence, chain) = (begin.previous, begin.sequence, begin.chain)
        lastIcount = begin.firstIcount
        tail = hasBegin ? begin.offset : metadata.end
        if !hasBegin { return }
        for generation: UInt64 in 1...2 {
            // The same twice, as in any log that isn't being written.
            let rest = [UInt8](repeating: 0, count: Int(LogBegin.spacing) - LogBegin.size)
            try target.write(
                begin.encoded() + rest, at: LogBegin.place(after: metadata.end, generation: generation))
        }
    }

    /// The record that names this source as the first one.
    private func place(_ begin: LogBegin, _ source: Int) throws(LogError) -> LogBegin {
        var begin = begin
        let chunks = reader.contents.entries
        begin.firstEvent = reader.firstEvent(of: source)
        begin.firstIcount = reader.firstIcount(of: source)
        begin.chain = try reader.chain(beforeSource: source)
        begin.sequence = reader.sequence(ofSource: source)
        if source > 0, source <= chunks.count, let checksum = chunks[source - 1].checksum {
            begin.previous = checksum
        } else if source == 0 {
            begin.previous = reader.contents.begin?.previous ?? reader.contents.metadataChecksum
        }
        return begin
    }

    /// Copies a chunk, or makes one of a live segment, up to an event.
    private mutating func copy(_ source: Int, upTo end: UInt64) throws(LogError) {
        let first = reader.firstEvent(of: source)
        let after = source + 1 < reader.sourceCount ? reader.firstEvent(of: source + 1) : reader.endEvent
        guard min(after, end) > first else { return }
        let offset = tail
        var header: ChunkHeader
        if after <= end, source < reader.contents.entries.count {
            header = try copyWhole(source)
        } else {
            header = try encode(source, count: min(after, end) &- first)
        }
        guard index.entries.makeRoom() else { throw LogError.system(.noMemory, "written", target.path) }
        index.entries.append(
            LogIndex.Entry(
                offset: offset, firstEvent: first, firstIcount: header.firstIcount,
                checksum: header.checksum))
        (previous, sequence, chain) = (header.checksum, header.sequence &+ 1, header.chain)
        lastIcount = source + 1 < reader.sourceCount ? reader.firstIcount(of: source + 1) : lastIcount
    }

    private mutating func copyWhole(_ source: Int) throws(LogError) -> ChunkHeader {
        let chunks = reader.contents.chunks
        // Read through the reader, which checks all of it.
        try reader.load(source: source)
        let entry = reader.contents.entries[source]
        guard case .chunk(let header) = try chunks.header(at: entry.offset) else {
            throw LogError(.damaged, "\(reader.path) has changed since it was opened")
        }
        var offset = entry.offset
        let end = header.end(from: offset)
        while offset < end {
            let bytes = try chunks.bytes(at: offset, count: Int(min(end &- offset, 1 << 20)))
            guard !bytes.isEmpty else {
                throw LogError(.damaged, "\(reader.path) has changed since it was opened")
            }
            try target.write(bytes, at: tail)
            tail &+= UInt64(bytes.count)
            offset &+= UInt64(bytes.count)
        }
        return header
    }

    /// Makes a chunk of the first events of a source.
    private mutating func encode(_ source: Int, count: UInt64) throws(LogError) -> ChunkHeader {
        try reader.load(source: source)
        guard let start = reader.sourceStart else { throw LogError.system(.noMemory, "read", reader.path) }
        var chain = try reader.chain(beforeSource: source)
        let decoder = reader.decoder
        for _ in 0..<count {
            let event = decoder.pointee.cursor
            guard decoder.pointee.skip() else {
                throw LogError(.damaged, "\(reader.path) is damaged in event \(decoder.pointee.index)")
            }
            chain = RunningChecksum.fold(chain, event: event, count: decoder.pointee.cursor - event)
        }
        lastIcount = decoder.pointee.icount
        let raw = UnsafeRawBufferPointer(start: start, count: decoder.pointee.cursor - start)
        var header = ChunkHeader(
            kind: .events, sequence: reader.sequence(ofSource: source),
            firstEvent: reader.firstEvent(of: source), firstIcount: reader.firstIcount(of: source),
            chain: chain)
        header.eventCount = UInt32(truncatingIfNeeded: count)
        let room = max(raw.count, Compressor.bound(raw.count))
        guard let buffer = RawBuffer(count: room), let compressor = Compressor(level: 3) else {
            throw LogError.system(.noMemory, "written", target.path)
        }
        let stored = compressor.compress(raw, into: buffer.bytes)
        header.codec = stored == nil ? .stored : .zstd
        let payload = stored.map { UnsafeRawBufferPointer(rebasing: buffer.readOnly[..<$0]) } ?? raw
        header.link = ChunkHeader.link(previous, version: FileHeader.version)
        header.rawLength = UInt32(truncatingIfNeeded: raw.count)
        header.storedLength = UInt32(truncatingIfNeeded: payload.count)
        header.payloadChecksum = Checksum.xxh3(payload)
        try target.write(header.encoded(), at: tail)
        try target.write(payload, at: tail &+ UInt64(ChunkHeader.size))
        tail = header.end(from: tail)
        return header
    }

    /// - Parameter icount: where the part begins.
    private mutating func close(_ end: LogEnd, at icount: UInt64) throws(LogError) {
        var end = end
        // As of the last event, which is read again.
        if end.eventCount > reader.firstEvent, !index.entries.isEmpty {
            try reader.seek(toEvent: end.eventCount &- 1)
            lastIcount = try reader.next()?.icount ?? lastIcount
        }
        if end.ending != .finished { end.icount = max(lastIcount, icount) }
        let closing = LogClosing(
            index: index, end: end, icount: lastIcount, chain: chain, sequence: sequence, previous: previous)
        guard let bytes = closing.encoded(at: tail) else {
            throw LogError(.tooLarge, "\(target.path) has too many chunks for an index")
        }
        try target.write(bytes, at: tail)
    }
}
