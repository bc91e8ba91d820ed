import ReplaySystem

/// What can be saved of a damaged log: every event before the damage, every chunk after it that is intact.
///
/// Chunks that were recorded one after the other, as their links and numbers say, are a run. The runs that fit each
/// other are kept, in order, the one at the beginning in any case. A chunk that contradicts the index and both its
/// neighbours isn't kept: somebody changed it and corrected its checksums, or it is of a different recording.
package struct LogSalvage {
    /// Something that was lost.
    package struct Loss: Equatable, Sendable {
        package var firstEvent: UInt64
        /// The number of the event after it; nil: unknown, because nothing after it is left.
        package var nextEvent: UInt64?
        package var firstIcount: UInt64
        package var nextIcount: UInt64?
        /// The bytes of `NAME` there that couldn't be used.
        package var bytes: Range<UInt64>?

        package init(
            firstEvent: UInt64, nextEvent: UInt64?, firstIcount: UInt64, nextIcount: UInt64?,
            bytes: Range<UInt64>?
        ) {
            self.firstEvent = firstEvent
            self.nextEvent = nextEvent
            self.firstIcount = firstIcount
            self.nextIcount = nextIcount
            self.bytes = bytes
        }
    }

    /// What was lost, in order.
    package internal(set) var losses: [Loss] = []
    /// The parts of the file's structure that were lost and that can be made again, by name.
    package internal(set) var rebuilt: [String] = []
    /// Fingerprint, shift and table of kinds are lost. Such a log can't be replayed.
    package internal(set) var lostMetadata = false
    /// Cause and exit code are lost, although all events are there.
    package internal(set) var lostEnd = false
    package internal(set) var lostComments = false
    package var isWhole: Bool { losses.isEmpty && !lostMetadata && !lostEnd && !lostComments }
    /// The chunks and segments that are kept, and the events in them.
    package var pieceCount: Int { kept.count }
    package internal(set) var eventCount: UInt64 = 0
    /// The events before the first loss, which a replay reaches, and the icount of the last one.
    package internal(set) var eventsBeforeLoss: UInt64 = 0
    package internal(set) var icountBeforeLoss: UInt64 = 0
    /// How the repaired log ends.
    package internal(set) var end = LogEnd()

    /// The size of the damaged file.
    package var size: UInt64 { search.chunks.size }

    let search: SalvageSearch
    var kept: [SalvagedPiece] = []
    var version: UInt32 { search.chunks.version }

    /// - Parameter reached: called with the place that the search has reached, and the size of the file.
    package init(path: String, reached: @escaping (UInt64, UInt64) -> Void = { _, _ in }) throws(LogError) {
        search = try SalvageSearch(path: path, system: Syscalls(), reached: reached)
        guard search.metadata != nil || !search.pieces.isEmpty else {
            throw LogError(.notALog, "\(path) has nothing that belongs to a recording")
        }
        let pieces = unique(search.pieces.sorted { $0.sequence < $1.sequence })
        var places: [UInt64: Int] = [:]
        for (place, piece) in pieces.enumerated() { places[piece.sequence] = place }
        let knows = search.index.map { index in pieces.contains { index.contains($0.checksum) } } ?? false
        let neighbours = Neighbours(pieces: pieces, places: places, index: knows ? search.index : nil)
        let ordered = pieces.sorted { ($0.firstEvent, $0.sequence) < ($1.firstEvent, $1.sequence) }
        kept = choose(runs(ordered).compactMap { confirmed($0, neighbours) }, neighbours)
        account()
    }

    /// Is it the first chunk of the recording?
    func isFirst(_ piece: SalvagedPiece) -> Bool {
        let (event, icount) = (search.begin?.firstEvent ?? 0, search.begin?.firstIcount ?? 0)
        guard piece.sequence == search.begin?.sequence ?? 1, piece.firstEvent == event,
            piece.firstIcount == icount
        else { return false }
        if version > 1, case .chunk(let header, _) = piece.source, search.metadata != nil {
            let previous = search.begin?.previous ?? search.metadataChecksum
            return header.link == ChunkHeader.link(previous, version: version)
        }
        return true
    }

    // MARK: Write

    /// Where the repaired log begins, if it has a part of its run.
    private var begin: LogBegin? {
        guard version >= FileHeader.versionWithBegin, let first = kept.first else { return search.begin }
        if var begin = search.begin, isFirst(first) {
            begin.sequence = 1
            return begin
        }
        let identity = metadata.withUnsafeBytes { Checksum.xxh3($0) }
        var begin = LogBegin(metadataEnd: 0, previous: 0, identity: identity)
        (begin.firstEvent, begin.firstIcount) = (first.firstEvent, first.firstIcount)
        (begin.event, begin.icount) = (first.firstEvent, first.firstIcount)
        return begin
    }

    /// The payload of the chunk.
    private var metadata: [UInt8] { search.metadata ?? LogSalvage.noMetadata.encoded(kinds: .own) }

    /// The metadata of a log that has lost its own: no host has such a machine.
    private static let noMetadata = LogMetadata(
        fingerprint: [("metadata", "lost to damage (replay-log repair)")])

    /// Writes the log from what is kept, with gaps where something is missing.
    package func write(to file: NewFile) throws(LogError) {
        var writer = try LogFileWriter(
            file, segmentSize: search.segmentSize,
            metadata: metadata, begin: begin)
        var gaps = losses[...]
        // Then it begins where the first piece does.
        if version >= FileHeader.versionWithBegin, let first = kept.first, !isFirst(first) {
            gaps = gaps.dropFirst()
        }
        var previous: SalvagedPiece?
        for piece in kept {
            let isJoined = previous.map { piece.continues($0, version: version) } ?? isFirst(piece)
            let isBegin = previous == nil && version >= FileHeader.versionWithBegin
            if !isJoined, !isBegin, let loss = gaps.popFirst() {
                try writer.append(
                    LogGap(
                        firstEvent: loss.firstEvent, firstIcount: loss.firstIcount,
                        nextEvent: piece.firstEvent, nextIcount: piece.firstIcount))
            }
            try search.withEvents(of: piece) { bytes throws(LogError) in
                try writer.append(
                    bytes, eventCount: piece.eventCount, endIcount: piece.endIcount, chain: piece.chain)
            }
            previous = piece
        }
        let size = try writer.finish(end)
        let comments = search.chunks.comments
        if let bytes = LogComments.encoded(comments, at: size) { try file.write(bytes, at: size) }
    }
}
