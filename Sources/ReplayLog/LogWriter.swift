import Glibc
import Synchronization

/// Writes a log: `NAME`, made of chunks, and while it is being written `NAME.live`, which holds what
/// is not in a chunk yet.
///
/// One thread at a time calls it, under the engine's lock. Nothing that was appended is lost when
/// the process dies, at whatever moment after the start. A log goes through these states:
///
/// 1. prepared: `append` returns true, but an older log of that name is still there (``LogFiles``);
/// 2. started by ``start()``: the log has its name;
/// 3. dead: the sealer met an error (``failure``); `append` returns false from the moment it needs
///    a new segment; what was appended stays readable;
/// 4. closed: by ``finish(_:)`` with an end, or by ``abandon()`` without. One that was only prepared
///    leaves no files.
package final class LogWriter: @unchecked Sendable {
    // Sendable: the caller's lock orders all calls; the sealer's thread has its own part.

    package let path: String
    /// Asked when a chunk is due before the host gave the metadata.
    package var provideMetadata: (() -> LogMetadata)?
    /// The times that the recorder waited for the sealer; each event longer than a segment is one.
    package internal(set) var stalls: UInt64 {
        get { stallCount.load(ordering: .relaxed) }
        set { stallCount.store(newValue, ordering: .relaxed) }
    }
    private let stallCount = Atomic<UInt64>(0)
    /// Why the last `append` that answered false did so although the log lives.
    package internal(set) var refusal: LogError?

    /// The hot state. Behind a pointer, so that no access to it is checked or counted.
    let encoder: UnsafeMutablePointer<EventEncoder>
    /// For an event's head, as long as it isn't known where the event goes; the cursor of a closed log rests here.
    let scratch: UnsafeMutableRawPointer
    let segmentEvents: UInt64
    let live: LiveFile
    let sealer: Sealer
    private let files: LogFiles
    private let syncs: Bool
    /// What the user should know of a log that was started, and then of one that was finished, without an error.
    package private(set) var remark: String?

    /// The segment that takes events, and what it says of itself.
    var current = 0
    var segment = LiveSegmentHeader(sequence: 1, firstEvent: 0, firstIcount: 0, chain: RunningChecksum.seed)
    /// Where in the segment the next mark is due.
    var nextMark = LiveLayout.markInterval
    /// When each segment is free again.
    var tickets: (Sealer.Ticket, Sealer.Ticket) = (0, 0)
    var hasMetadata = false
    private(set) var isOpen = true
    /// No event is taken any more, although the log isn't closed.
    var isDead = false
    private var sealedBytes: UInt64 = 0
    /// For threads without the caller's lock: the bytes in sealed segments, and where the current
    /// segment says how many it has.
    let shown = Locked<(sealed: UInt64, committed: LiveFile.Word?)>((0, nil))
    private var closedFailure: LogError?

    /// Prepares a log; unless the options say `startsLater`, starts it too.
    package init(path: String, options: LogOptions = LogOptions()) throws(LogError) {
        let system = Syscalls(faults: options.faults)
        let layout = LiveLayout(segmentSize: options.segmentSize)
        let files = try LogFiles(path: path, layout: layout, replacing: options.replaces, system: system)
        var started: Sealer?
        do throws(LogError) {
            try LogWriter.writeHeader(files, layout, system)
            let chunks = try ChunkWriter(files: files, layout: layout, options: options, system: system)
            started = try Sealer(files: files, chunks: chunks, options: options, system: system)
            if !options.startsLater { _ = try files.commit(synced: options.syncInterval > 0) }
        } catch {
            started?.stop()
            files.discard()
            throw error
        }
        guard let sealer = started else { throw LogError(.misuse, "\(path) has no sealer") }
        self.path = path
        self.files = files
        self.live = files.live
        self.sealer = sealer
        syncs = options.syncInterval > 0
        segmentEvents = UInt64(truncatingIfNeeded: max(options.segmentEvents, 0))
        scratch = .allocate(byteCount: 2 &* EventEncoder.longestHead, alignment: 16)
        encoder = .allocate(capacity: 1)
        encoder.initialize(to: EventEncoder(base: live.data(0), committed: live.committed(0)))
        activate(0)
    }

    deinit {
        abandon()
        encoder.pointee.deallocate()
        encoder.deallocate()
        scratch.deallocate()
    }

    private static func writeHeader(
        _ files: LogFiles, _ layout: LiveLayout, _ system: Syscalls
    ) throws(LogError) {
        let header = FileHeader(segmentSize: UInt32(truncatingIfNeeded: layout.segmentSize)).encoded()
        if let error = header.withUnsafeBytes({ system.write(files.log.descriptor, $0, at: 0) }) {
            throw LogError.system(error, "written", files.path)
        }
    }

    // MARK: Facts

    package var eventCount: UInt64 { encoder.pointee.eventCount }
    package var lastIcount: UInt64 { encoder.pointee.lastIcount }
    /// The bytes of all events, before compression.
    package var bytesWritten: UInt64 {
        let unsealed = encoder.pointee.eventCount != segment.firstEvent
        return unsealed ? sealedBytes &+ UInt64(truncatingIfNeeded: encoder.pointee.offset) : sealedBytes
    }
    /// ``bytesWritten``, for any thread.
    package var bytesShown: UInt64 {
        shown.withLock { shown in
            let word = UInt64(littleEndian: shown.committed?.pointee.load(ordering: .relaxed) ?? 0)
            return shown.sealed &+ UInt64(UInt32(truncatingIfNeeded: word))
        }
    }
    /// Why the log died, if it did. Set once.
    package var failure: LogError? { isOpen ? sealer.failure : closedFailure }

    // MARK: Life

    /// Says what is being recorded. Once, and before the first chunk is due.
    package func writeMetadata(_ metadata: LogMetadata) throws(LogError) {
        guard isOpen, !hasMetadata else {
            throw LogError(.misuse, "\(path) has its metadata already, or is closed")
        }
        guard metadata.isWithinLimits else {
            throw LogError(
                .tooLarge,
                "\(path) can't hold this fingerprint: it has more than \(LogMetadata.mostPairs) fields or 16 MiB"
            )
        }
        hasMetadata = true
        sealer.wait(for: sealer.submit(.metadata(metadata.encoded(kinds: .own))))
        if let failure = sealer.failure {
            _ = die()
            throw failure
        }
    }

    /// Gives the log its name, in place of an older one. Once all else that may fail has succeeded.
    package func start() throws(LogError) {
        if let failure { throw failure }
        guard isOpen else { throw LogError(.misuse, "\(path) is closed") }
        remark = try files.commit(synced: syncs)
    }

    /// Writes the rest, the index and the end, syncs the log to the disk, and removes the live file.
    /// Fails if something else has removed, replaced or changed the log.
    package func finish(_ end: LogEnd) throws(LogError) {
        guard isOpen else { throw closedFailure ?? LogError(.misuse, "\(path) is closed") }
        guard files.isCommitted else { throw LogError(.misuse, "\(path) was not started") }
        giveMetadata()
        sealCurrent()
        let state = encoder.pointee
        var end = end
        end.eventCount = state.eventCount
        sealer.wait(for: sealer.submit(.finish(end, icount: state.lastIcount, chain: state.check)))
        let failure = sealer.failure
        if let failure {
            close()
            throw failure
        }
        defer { close() }
        remark = files.removeLive()
        try files.checkName()
        files.syncFolder()
    }

    /// Closes without an end: the log stays one that died. One that was only prepared is gone.
    package func abandon() {
        if isOpen { close() }
    }

    /// Hands a segment that holds events to the sealer. False: it holds none.
    @discardableResult
    func sealCurrent() -> Bool {
        let state = encoder.pointee
        let count = state.eventCount &- segment.firstEvent
        if count == 0 { return false }
        let description = SegmentDescription(
            header: segment, eventCount: UInt32(truncatingIfNeeded: count), length: state.offset,
            chain: state.check)
        let ticket = sealer.submit(.segment(current, description))
        if current == 0 { tickets.0 = ticket } else { tickets.1 = ticket }
        sealedBytes &+= UInt64(truncatingIfNeeded: state.offset)
        shown.withLock { $0 = (sealedBytes, nil) }
        segment = LiveSegmentHeader(
            sequence: segment.sequence &+ 1, firstEvent: state.eventCount, firstIcount: state.lastIcount,
            chain: state.check)
        return true
    }

    /// An event that went to `NAME` without a segment.
    func noteDirect(length: Int) {
        let state = encoder.pointee
        sealedBytes &+= UInt64(truncatingIfNeeded: length)
        shown.withLock { $0 = (sealedBytes, nil) }
        segment = LiveSegmentHeader(
            sequence: segment.sequence &+ 1, firstEvent: state.eventCount, firstIcount: state.lastIcount,
            chain: state.check)
    }

    private func close() {
        sealedBytes = bytesWritten
        shown.withLock { $0 = (sealedBytes, nil) }
        sealer.stop()
        closedFailure = sealer.failure
        isOpen = false
        encoder.pointee.rest(at: scratch)
        files.discard()
        files.close()
    }
}
