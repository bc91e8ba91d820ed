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
    let buffer = RawBuffer()
    /// The hot state, behind a pointer for the same reason as the encoder.
    package let decoder: UnsafeMutablePointer<EventDecoder>
    /// The chunk or live segment that is being read: an index into the chunks, followed by the segments.
    var source = -1
    /// Has an event been read, or sought? Before, the first one is next.
    var hasBegun = false
    /// Is that a gap?
    var isAtGap = false
    var failure: LogError?
    /// Where that chunk's or segment's events begin in memory.
    var sourceStart: UnsafeRawPointer?

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
    func goToBegin(_ begin: LogBegin) throws(LogError) {
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

    // MARK: Failure

    func damage() -> LogError {
        let number = source < contents.entries.count ? "chunk \(sequence(of: source))" : "its live file"
        return LogError(
            .damaged, "\(path) is damaged in \(number): event \(decoder.pointee.index) is not valid",
            eventIndex: decoder.pointee.index, icount: decoder.pointee.icount)
    }

    /// Every later ``next()`` throws the same.
    func fail(_ error: LogError) -> LogError {
        failure = error
        decoder.pointee.remaining = 0
        return error
    }
}
