import Glibc
import ReplaySystem
import Synchronization

/// Writes a log: `NAME`, which consists of chunks, and during the recording `NAME.live`, which contains what
/// isn't in a chunk yet.
///
/// One thread at a time calls it, with the engine's lock held. Nothing that was appended is lost if
/// the process dies at any moment after the start. A log goes through these states:
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
    /// Provides the metadata if a chunk is due before the host has done so.
    package var provideMetadata: (() -> LogMetadata)?
    /// How often the recorder waited for the sealer, which it does for each event longer than a segment.
    package internal(set) var stalls: UInt64 {
        get { stallCount.load(ordering: .relaxed) }
        set { stallCount.store(newValue, ordering: .relaxed) }
    }
    private let stallCount = Atomic<UInt64>(0)
    /// Why the last `append` was refused, if the log itself is alive.
    package internal(set) var refusal: LogError?

    /// The hot state. It is behind a pointer, so that no access is checked for exclusivity or counts references.
    package let encoder: UnsafeMutablePointer<EventEncoder>
    /// Holds an event's head until its place is known; the cursor of a closed log points here.
    let scratch: UnsafeMutableRawPointer
    let segmentEvents: UInt64
    let live: LiveFile
    let sealer: Sealer
    private let files: LogFiles
    /// If only the last part of the run is kept.
    package let ring: LogRing?
    private let syncs: Bool
    /// What the user should know after a start or a finish without an error.
    package private(set) var remark: String?

    /// The segment that receives events, and its description.
    var current = 0
    var segment = LiveSegmentHeader(sequence: 1, firstEvent: 0, firstIcount: 0, chain: RunningChecksum.seed)
    /// The place in the segment where the next mark is due.
    var nextMark = LiveLayout.markInterval
    /// The tickets after which the segments are free again.
    var tickets: [Sealer.Ticket]
    var hasMetadata = false
    private(set) var isOpen = true
    /// No more events are accepted, although the log isn't closed.
    var isDead = false
    private var sealedBytes: UInt64 = 0
    /// For threads without the caller's lock: the number of bytes in sealed segments, and the word that
    /// holds the number of bytes in the current one.
    let shown = Locked<(sealed: UInt64, committed: LiveFile.Word?)>((0, nil))
    private var closedFailure: LogError?

    /// Prepares a log; unless the options say `startsLater`, starts it too.
    package init(path: String, options: LogOptions = LogOptions()) throws(LogError) {
        let system = Syscalls(faults: options.faults)
        // They are a part of what a ring may take of the disk.
        let most = options.last.isSet ? min(options.liveSegments, 4) : options.liveSegments
        let layout = LiveLayout(segmentSize: options.segmentSize, most: most)
        let files = try LogFiles(path: path, layout: layout, replacing: options.replaces, system: system)
        var started: Sealer?
        var ring: LogRing?
        do throws(LogError) {
            if options.last.isSet {
                try LogRing.check(files.log, path, system)
                ring = LogRing(
                    options.last, segmentSize: layout.segmentSize, liveBytes: layout.fileSize, system: system)
            }
            let chunks = try ChunkWriter(
                path: path, descriptor: files.log.descriptor, layout: layout, options: options, ring: ring,
                system: system)
            try chunks.writeHeader()
            started = try Sealer(files: files, chunks: chunks, options: options, system: system)
            if !options.startsLater { _ = try files.commit(synced: options.syncInterval > 0) }
        } catch {
            started?.stop()
            files.discard()
            throw error
        }
        guard let sealer = started else {
            throw LogError(.misuse, "\(path) can't be recorded: no thread could be started")
        }
        self.path = path
        self.files = files
        self.ring = ring
        self.live = files.live
        self.sealer = sealer
        tickets = Array(repeating: 0, count: layout.segmentCount)
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

    // MARK: Facts

    package var eventCount: UInt64 { encoder.pointee.eventCount }
    package var lastIcount: UInt64 { encoder.pointee.lastIcount }
    /// Tells the log up to its last event from all others, once it has its metadata: as
    /// ``LogReader/seek(toEvent:)`` returns it.
    package var chain: UInt64 { RunningChecksum.fold(encoder.pointee.check, identity) }
    /// The XXH3 of the metadata, as ``LogReader/identity``.
    package private(set) var identity: UInt64 = 0
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

    /// Describes what is being recorded. Once, and before the first chunk is due.
    package func writeMetadata(_ metadata: LogMetadata) throws(LogError) {
        guard isOpen, !hasMetadata else {
            throw LogError(.misuse, "\(path) already has its metadata, or is closed")
        }
        guard metadata.isWithinLimits else {
            throw LogError(
                .tooLarge,
                "\(path) can't hold this fingerprint: it has more than \(LogMetadata.mostPairs) fields or 16 MiB"
            )
        }
        hasMetadata = true
        identity = metadata.identity(kinds: .own)
        sealer.wait(for: sealer.submit(.metadata(metadata.encoded(kinds: .own))))
        if let failure = sealer.failure {
            _ = die()
            throw failure
        }
    }

    /// Gives the log its name, and so replaces an older one. Called when everything else that may fail has succeeded.
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

    /// Closes the log without an end, as if the recorder had died. A log that was only prepared is removed.
    package func abandon() {
        if isOpen { close() }
    }

    /// Passes a segment to the sealer. False: it contains no events.
    @discardableResult
    func sealCurrent() -> Bool {
        let state = encoder.pointee
        let count = state.eventCount &- segment.firstEvent
        if count == 0 { return false }
        let description = SegmentDescription(
            header: segment, eventCount: UInt32(truncatingIfNeeded: count), length: state.offset,
            lastIcount: state.lastIcount, chain: state.check)
        let ticket = sealer.submit(.segment(current, description))
        tickets[current] = ticket
        sealedBytes &+= UInt64(truncatingIfNeeded: state.offset)
        shown.withLock { $0 = (sealedBytes, nil) }
        segment = LiveSegmentHeader(
            sequence: segment.sequence &+ 1, firstEvent: state.eventCount, firstIcount: state.lastIcount,
            chain: state.check)
        return true
    }

    /// Accounts an event that was written to `NAME` directly.
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
        ring?.close()
        closedFailure = sealer.failure
        isOpen = false
        encoder.pointee.rest(at: scratch)
        files.discard()
        files.close()
    }
}
