import ReplaySystem
import Synchronization

/// A log's events come from its chunks, and then from the live file's segments. One of these sources is in memory.
extension LogReader {
    var sourceCount: Int { contents.entries.count &+ contents.live.count }

    func firstEvent(of source: Int) -> UInt64 {
        let inChunks = contents.entries.count
        return source < inChunks
            ? contents.entries[source].firstEvent : contents.live[source &- inChunks].header.firstEvent
    }

    /// False at the end of the log.
    @inline(never)
    func nextSource() throws(LogError) -> Bool {
        if let failure { throw failure }
        isLoading.store(true, ordering: .relaxed)
        defer { isLoading.store(false, ordering: .relaxed) }
        if !hasBegun {
            hasBegun = true
            if let begin = contents.begin, !begin.isStart {
                try goToBegin(begin)
                if decoder.pointee.remaining > 0 { return true }
            }
        }
        while true {
            if decoder.pointee.cursor != decoder.pointee.end { throw fail(damage()) }
            let icount = decoder.pointee.icount
            let next = source &+ 1
            if next >= sourceCount {
                if var ending = contents.ending {
                    ending.icount = icount
                    throw fail(ending)
                }
                return false
            }
            try load(next)
            if decoder.pointee.icount != icount && !isAtGap { throw fail(damage()) }
            if decoder.pointee.remaining > 0 { return true }
        }
    }

    func load(_ next: Int) throws(LogError) {
        isAtGap = false
        rest(before: next)
        let inChunks = contents.entries.count
        do throws(LogError) {
            if next < inChunks {
                try loadChunk(next)
            } else {
                loadLive(contents.live[next &- inChunks])
            }
        } catch {
            throw fail(error)
        }
        source = next
    }

    /// The chunk must match its entry in the index, and continue the chunk before it. A whole chunk of a
    /// different recording doesn't.
    private func loadChunk(_ number: Int) throws(LogError) {
        let entry = contents.entries[number]
        let damage = LogError(
            .damaged, "\(path) is damaged in chunk \(sequence(of: number)) at byte \(entry.offset)",
            offset: entry.offset, eventIndex: entry.firstEvent, icount: entry.firstIcount)
        let isLast = number &+ 1 == contents.entries.count
        let end = isLast ? contents.entriesEnd : contents.entries[number &+ 1].offset
        let nextEvent = isLast ? contents.chunkEvents : contents.entries[number &+ 1].firstEvent
        guard case .chunk(let header) = try contents.chunks.header(at: entry.offset),
            header.kind == .events || header.kind == .gap,
            header.sequence == sequence(of: number), header.firstEvent == entry.firstEvent,
            header.firstIcount == entry.firstIcount, header.end(from: entry.offset) == end,
            header.kind == .gap || header.firstEvent &+ UInt64(header.eventCount) == nextEvent,
            isBound(header, number)
        else { throw damage }
        if header.kind == .gap {
            let gap = try contents.chunks.gap(header, at: entry.offset)
            guard gap.nextEvent == nextEvent else { throw damage }
            return try pass(gap, entry.offset)
        }
        try contents.chunks.read(header, at: entry.offset, into: buffer)
        if metadata.formatVersion == 1 {
            begin(header)
            let chain = try chain(before: number)
            guard foldAll(from: chain) == header.chain else { throw damage }
        }
        begin(header)
    }

    func sequence(of chunk: Int) -> UInt64 {
        (contents.begin?.sequence ?? 1) &+ UInt64(truncatingIfNeeded: chunk)
    }

    /// The number of the chunk that a source is, or will be.
    func sequence(ofSource number: Int) -> UInt64 {
        let inChunks = contents.entries.count
        return number < inChunks
            ? sequence(of: number) : contents.live[number &- inChunks].header.sequence
    }

    /// Reads all of a source, so that its first event is next.
    func load(source number: Int) throws(LogError) {
        (failure, hasBegun) = (nil, true)
        try load(number)
    }

    private func pass(_ gap: LogGap, _ offset: UInt64) throws(LogError) {
        guard let onGap else {
            throw LogError(
                .damaged, "\(path) was damaged, and lacks \(gap.what)", offset: offset,
                eventIndex: gap.firstEvent, icount: gap.firstIcount)
        }
        isAtGap = true
        onGap(gap)
        decoder.pointee.begin(
            decoder.pointee.cursor, count: 0, firstEvent: gap.nextEvent, firstIcount: gap.nextIcount,
            eventCount: 0)
    }

    private func begin(_ header: ChunkHeader) {
        guard let start = buffer.start else { return }
        sourceStart = UnsafeRawPointer(start)
        decoder.pointee.begin(
            UnsafeRawPointer(start), count: Int(header.rawLength), firstEvent: header.firstEvent,
            firstIcount: header.firstIcount, eventCount: UInt64(header.eventCount))
    }

    /// Is the chunk that of its index entry, and linked to the one before it?
    private func isBound(_ header: ChunkHeader, _ number: Int) -> Bool {
        let previous =
            number == 0
            ? contents.begin?.previous ?? contents.metadataChecksum
            : contents.entries[number &- 1].checksum ?? 0
        return header.link == ChunkHeader.link(previous, version: metadata.formatVersion)
            && (contents.entries[number].checksum ?? header.checksum) == header.checksum
    }

    /// The running checksum before a chunk's first event.
    func chain(before number: Int) throws(LogError) -> UInt64 {
        guard number > 0 else { return contents.begin?.chain ?? RunningChecksum.seed }
        guard case .chunk(let header) = try contents.chunks.header(at: contents.entries[number &- 1].offset)
        else { return 0 }
        return header.chain
    }

    /// The running checksum after all events of the chunk; nil if one of them can't be decoded.
    private func foldAll(from chain: UInt64) -> UInt64? {
        var state = chain
        while decoder.pointee.remaining > 0 {
            let event = decoder.pointee.cursor
            guard decoder.pointee.skip() else { return nil }
            state = RunningChecksum.fold(state, event: event, count: decoder.pointee.cursor - event)
        }
        return state
    }

    private func loadLive(_ events: LogContents.LiveEvents) {
        guard let start = events.bytes.start else { return }
        sourceStart = UnsafeRawPointer(start)
        decoder.pointee.begin(
            UnsafeRawPointer(start), count: events.length, firstEvent: events.header.firstEvent,
            firstIcount: events.header.firstIcount, eventCount: events.eventCount)
    }

    /// Goes to the beginning of a source.
    func rest(before next: Int) {
        source = next &- 1
        decoder.pointee.rest()
    }
}
