import ReplaySystem
import Synchronization

/// Reads a log in any state: finished, being written, or left by a recorder that died.
///
/// It uses nothing before a checksum matches, and changes no file. Damage is reported as an error
/// after the last good event.
package final class LogReader {
    package let path: String
    package let metadata: LogMetadata
    package let state: LogState
    /// The names and layouts of the log's events.
    package let kinds: KindTable
    /// The errno with which the recorder died, or 0.
    package let recorderErrno: Int32

    /// Is called for each gap that is passed. Nil: a gap ends the log with an error, because no replay can pass it.
    package var onGap: ((LogGap) -> Void)?

    /// Is a part of the log being read? That may take some time. For any thread.
    package let isLoading = Atomic<Bool>(false)

    let contents: LogContents
    private let buffer = RawBuffer()
    /// The hot state, behind a pointer for the same reason as the encoder.
    package let decoder: UnsafeMutablePointer<EventDecoder>
    /// The chunk or live segment that is being read: an index into the chunks, followed by the segments.
    private var source = -1
    /// Has an event been read, or sought? Before, the first one is next.
    private var hasBegun = false
    /// Is that a gap?
    private var isAtGap = false
    private var failure: LogError?
    /// Where that chunk's or segment's events begin in memory.
    private(set) var sourceStart: UnsafeRawPointer?

    package init(path: String, faults: SyscallFaults? = nil) throws(LogError) {
        if path.isEmpty || path.utf8.contains(0) { throw LogError(.notFound, "the log has no usable name") }
        contents = try LogContents.read(path: path, system: Syscalls(faults: faults))
        self.path = path
        metadata = contents.metadata
        state = contents.state
        kinds = contents.kinds
        recorderErrno = contents.recorderErrno
        decoder = .allocate(capacity: 1)
        decoder.initialize(to: EventDecoder(kinds))
    }

    deinit {
        decoder.pointee.deallocate()
        decoder.deallocate()
    }

    /// The number of events; nil if the log is damaged, or still growing.
    package var eventCountIfKnown: UInt64? {
        if contents.ending != nil || state == .running { return nil }
        return contents.eventCount
    }

    /// The next event; nil at the end. The event's bytes are valid until the next call.
    package func next() throws(LogError) -> Event? {
        var event = Event(kind: 0, role: .vcpu, icount: 0, index: 0)
        return try withUnsafeMutablePointer(to: &event) { place throws(LogError) in
            try next(into: place) ? place.pointee : nil
        }
    }

    /// The same, into an event of the caller. Fields that the kind doesn't have may keep their
    /// old values. False at the end.
    package func next(into event: UnsafeMutablePointer<Event>) throws(LogError) -> Bool {
        let decoder = self.decoder
        if decoder.pointee.remaining == 0 {
            guard try nextSource() else { return false }
        }
        if decoder.pointee.next(into: event) { return true }
        throw fail(damage())
    }

    /// Where a log begins that has only a part of its run; nil: at the run's start.
    package var begin: LogBegin? { contents.begin.flatMap { $0.isStart ? nil : $0 } }
    /// The number of the first event.
    package var firstEvent: UInt64 { contents.begin?.event ?? 0 }
    /// The number of events in the run up to the last one, as far as that is known before they are read.
    package var endEvent: UInt64 { contents.eventCount }

    /// The XXH3 of the metadata: tells the log from most others.
    package var identity: UInt64 { metadata.identity(kinds: kinds) }

    /// Seeks to an event, so that ``next()`` returns it. The place after the last event is the end.
    ///
    /// - Returns: a checksum of the metadata and of all events before it, which tells this log up to there
    ///   from all others.
    @discardableResult
    package func seek(toEvent index: UInt64) throws(LogError) -> UInt64 {
        RunningChecksum.fold(try chain(seekingEvent: index), metadata.identity(kinds: kinds))
    }

    /// Seeks to an event. - Returns: the running checksum of the events before it.
    func chain(seekingEvent index: UInt64) throws(LogError) -> UInt64 {
        (failure, hasBegun) = (nil, true)
        if let begin = contents.begin, index < begin.event { throw before(begin) }
        guard index <= contents.eventCount else {
            throw contents.ending
                ?? LogError(.misuse, "\(path) has no event \(index)", eventIndex: contents.eventCount)
        }
        // The last source that begins at or before the event.
        var (low, high) = (0, sourceCount)
        while low < high {
            let middle = low &+ (high &- low) / 2
            if firstEvent(of: middle) <= index { low = middle &+ 1 } else { high = middle }
        }
        guard low > 0 else {
            rest(before: 0)
            let chain = contents.begin?.chain ?? RunningChecksum.seed
            if let begin = contents.begin { decoder.pointee.rest(at: begin.firstEvent, begin.firstIcount) }
            return chain
        }
        try load(low &- 1)
        var chain = try chain(beforeSource: low &- 1)
        while decoder.pointee.index < index && decoder.pointee.remaining > 0 {
            let event = decoder.pointee.cursor
            guard decoder.pointee.skip() else { throw fail(damage()) }
            chain = RunningChecksum.fold(chain, event: event, count: decoder.pointee.cursor - event)
        }
        return chain
    }

    private func before(_ begin: LogBegin) -> LogError {
        LogError(
            .misuse, "\(path) begins at icount \(begin.icount), event \(begin.event)",
            eventIndex: begin.event, icount: begin.icount)
    }

    /// Goes to the first event. It must be where the log says that it begins.
    private func goToBegin(_ begin: LogBegin) throws(LogError) {
        let chain: UInt64
        do throws(LogError) {
            chain = try seek(toEvent: begin.event)
        } catch {
            throw fail(error)
        }
        guard chain == begin.eventChain, decoder.pointee.icount <= begin.icount else {
            throw fail(
                LogError(
                    .damaged, "\(path) is damaged: it doesn't begin at icount \(begin.icount) as it says",
                    eventIndex: begin.event, icount: begin.icount))
        }
    }

    /// Goes to the first event. Reads nothing.
    package func rewind() {
        (failure, hasBegun) = (nil, false)
        rest(before: 0)
    }

    func chain(beforeSource number: Int) throws(LogError) -> UInt64 {
        let inChunks = contents.entries.count
        return number < inChunks
            ? try chain(before: number) : contents.live[number &- inChunks].header.chain
    }

    // MARK: Sources

    var sourceCount: Int { contents.entries.count &+ contents.live.count }

    func firstEvent(of source: Int) -> UInt64 {
        let inChunks = contents.entries.count
        return source < inChunks
            ? contents.entries[source].firstEvent : contents.live[source &- inChunks].header.firstEvent
    }

    /// False at the end of the log.
    @inline(never)
    private func nextSource() throws(LogError) -> Bool {
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

    private func load(_ next: Int) throws(LogError) {
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

    private func sequence(of chunk: Int) -> UInt64 {
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
    private func chain(before number: Int) throws(LogError) -> UInt64 {
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
    private func rest(before next: Int) {
        source = next &- 1
        decoder.pointee.rest()
    }

    // MARK: Failure

    private func damage() -> LogError {
        let number = source < contents.entries.count ? "chunk \(sequence(of: source))" : "its live file"
        return LogError(
            .damaged, "\(path) is damaged in \(number): event \(decoder.pointee.index) is not valid",
            eventIndex: decoder.pointee.index, icount: decoder.pointee.icount)
    }

    /// Every later ``next()`` throws the same.
    private func fail(_ error: LogError) -> LogError {
        failure = error
        decoder.pointee.remaining = 0
        return error
    }
}
