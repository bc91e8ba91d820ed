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
    package private(set) var losses: [Loss] = []
    /// The parts of the file's structure that were lost and that can be made again, by name.
    package private(set) var rebuilt: [String] = []
    /// Fingerprint, shift and table of kinds are lost. Such a log can't be replayed.
    package private(set) var lostMetadata = false
    /// Cause and exit code are lost, although all events are there.
    package private(set) var lostEnd = false
    package private(set) var lostComments = false
    package var isWhole: Bool { losses.isEmpty && !lostMetadata && !lostEnd && !lostComments }
    /// The chunks and segments that are kept, and the events in them.
    package var pieceCount: Int { kept.count }
    package private(set) var eventCount: UInt64 = 0
    /// The events before the first loss, which a replay reaches, and the icount of the last one.
    package private(set) var eventsBeforeLoss: UInt64 = 0
    package private(set) var icountBeforeLoss: UInt64 = 0
    /// How the repaired log ends.
    package private(set) var end = LogEnd()

    /// The size of the damaged file.
    package var size: UInt64 { search.chunks.size }

    private let search: SalvageSearch
    private var kept: [SalvagedPiece] = []
    private var version: UInt32 { search.chunks.version }

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

    // MARK: Choice

    /// The pieces by the numbers of their chunks.
    private struct Neighbours {
        var pieces: [SalvagedPiece]
        var places: [UInt64: Int]
        /// The checksums that the index has, unless it is of a different log.
        var index: Set<UInt64>?

        func before(_ piece: SalvagedPiece) -> SalvagedPiece? {
            places[piece.sequence &- 1].map { pieces[$0] }
        }

        func after(_ piece: SalvagedPiece) -> SalvagedPiece? {
            places[piece.sequence &+ 1].map { pieces[$0] }
        }
    }

    /// One piece for each number of a chunk.
    private func unique(_ sorted: [SalvagedPiece]) -> [SalvagedPiece] {
        var result: [SalvagedPiece] = []
        var place = 0
        while place < sorted.count {
            var end = place &+ 1
            while end < sorted.count && sorted[end].sequence == sorted[place].sequence { end &+= 1 }
            let rivals = sorted[place..<end]
            let last = result.last
            let next = end < sorted.count ? sorted[end] : nil
            let best =
                rivals.first { piece in last.map { piece.continues($0, version: version) } ?? false }
                ?? rivals.first { search.index?.contains($0.checksum) ?? false }
                ?? rivals.first { piece in next.map { $0.refers(to: piece, version: version) } ?? false }
                ?? rivals.first
            if let best { result.append(best) }
            place = end
        }
        return result
    }

    private func runs(_ pieces: [SalvagedPiece]) -> [ArraySlice<SalvagedPiece>] {
        var runs: [ArraySlice<SalvagedPiece>] = []
        var start = 0
        for place in pieces.indices {
            if place > start, !pieces[place].continues(pieces[place - 1], version: version) {
                runs.append(pieces[start..<place])
                start = place
            }
        }
        if start < pieces.count { runs.append(pieces[start...]) }
        return runs
    }

    /// The part of a run that something confirms. Nil: it is contradicted.
    private func confirmed(_ run: ArraySlice<SalvagedPiece>, _ neighbours: Neighbours)
        -> ArraySlice<SalvagedPiece>?
    {
        guard let first = run.first, let last = run.last else { return nil }
        let (before, next) = (neighbours.before(first), neighbours.after(last))
        if let before, first.refers(to: before, version: version),
            !first.continues(before, version: version), !hasOtherNumbers(before, neighbours)
        {
            // It was recorded right after that one, but now has other numbers.
            return run.count > 1 ? run.dropFirst() : nil
        }
        let isReferredTo = next.map { $0.refers(to: last, version: version) } ?? false
        if isReferredTo { return run }
        if let index = neighbours.index {
            if index.contains(last.checksum) { return run }
            // Those before it are referred to, and were recorded after one that the index has.
            return run.contains { index.contains($0.checksum) } ? run.dropLast() : nil
        }
        guard let next else { return run }
        // The chunk after it was recorded after a different one.
        let isContradictedBefore = before.map { !first.refers(to: $0, version: version) } ?? false
        if isContradictedBefore && run.count == 1 { return nil }
        // It also begins before this one ends: this one was changed.
        if !next.canFollow(last) { return run.count > 1 ? run.dropLast() : nil }
        return run
    }

    /// Was it recorded right after the piece before it, but has numbers now that don't continue that one's?
    private func hasOtherNumbers(_ piece: SalvagedPiece, _ neighbours: Neighbours) -> Bool {
        guard let before = neighbours.before(piece) else { return false }
        return piece.refers(to: before, version: version) && !piece.continues(before, version: version)
    }

    /// Is it the first chunk of the recording?
    private func isFirst(_ piece: SalvagedPiece) -> Bool {
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

    /// More runs than that aren't tried in each combination.
    private static let mostRuns = 2000

    /// What is kept of a choice of runs: more is better, then fewer events between them.
    private struct Score {
        /// The events in chunks that another chunk or the index confirms, and one for each that nothing confirms.
        var events: UInt64 = 0
        var missing: UInt64 = 0

        static func < (a: Score, b: Score) -> Bool { (a.events, b.missing) < (b.events, a.missing) }
    }

    /// The runs that fit each other, with as many events as possible.
    private func choose(_ runs: [ArraySlice<SalvagedPiece>], _ neighbours: Neighbours) -> [SalvagedPiece] {
        let anchor = runs.first.flatMap { $0.first }.map(isFirst) ?? false
        func fits(_ next: Int, _ last: Int) -> Bool {
            guard let first = runs[next].first, let last = runs[last].last else { return false }
            return first.canFollow(last)
        }
        guard runs.count <= LogSalvage.mostRuns else {
            var chosen: [Int] = []
            for number in runs.indices where chosen.last.map({ fits(number, $0) }) ?? true {
                chosen.append(number)
            }
            return chosen.flatMap { runs[$0] }
        }
        // The best choice that ends with each run, and the run before it in that choice. If there is a run at the
        // beginning of the log, each choice begins with it.
        var scores: [Score?] = []
        var before: [Int?] = []
        for number in runs.indices {
            var score = anchor && number > 0 ? nil : Score(missing: runs[number].first?.firstEvent ?? 0)
            var previous: Int?
            for candidate in 0..<number where fits(number, candidate) {
                guard var sum = scores[candidate], let first = runs[number].first,
                    let last = runs[candidate].last
                else { continue }
                sum.missing &+= first.firstEvent &- last.endEvent
                if score.map({ $0 < sum }) ?? true { (score, previous) = (sum, candidate) }
            }
            scores.append(
                score.map {
                    Score(events: $0.events &+ weight(runs[number], neighbours), missing: $0.missing)
                })
            before.append(previous)
        }
        var best: Int?
        for (number, score) in scores.enumerated() {
            guard let score else { continue }
            if let known = best.flatMap({ scores[$0] }), !(known < score) { continue }
            best = number
        }
        var chosen: [Int] = []
        while let number = best {
            chosen.append(number)
            best = before[number]
        }
        return chosen.reversed().flatMap { runs[$0] }
    }

    private func weight(_ run: ArraySlice<SalvagedPiece>, _ neighbours: Neighbours) -> UInt64 {
        let isConfirmed =
            run.count > 1
            || run.last.map { last in
                neighbours.index?.contains(last.checksum) ?? false
                    || neighbours.after(last)?.refers(to: last, version: version) ?? false
            } ?? false
        return isConfirmed ? run.reduce(0) { $0 &+ UInt64($1.eventCount) } : 1
    }

    // MARK: Account

    /// Finds what is missing around the pieces.
    private mutating func account() {
        var used = search.understood
        used += kept.compactMap(\.range)
        used.sort { $0.lowerBound < $1.lowerBound }
        var unused: [Range<UInt64>] = []
        var tail: UInt64 = 0
        for range in used {
            if range.lowerBound > tail { unused.append(tail..<range.lowerBound) }
            tail = max(tail, range.upperBound)
        }
        if tail < search.chunks.size { unused.append(tail..<search.chunks.size) }

        var (event, icount) = (search.begin?.firstEvent ?? 0, search.begin?.firstIcount ?? 0)
        var previous: SalvagedPiece?
        var place = UInt64(FileHeader.size)
        for piece in kept {
            let isJoined = previous.map { piece.continues($0, version: version) } ?? isFirst(piece)
            if !isJoined {
                losses.append(
                    Loss(
                        firstEvent: event, nextEvent: piece.firstEvent, firstIcount: icount,
                        nextIcount: piece.firstIcount,
                        bytes: LogSalvage.bytes(
                            unused, between: place, and: piece.range?.lowerBound ?? search.chunks.size)))
            }
            if losses.isEmpty { (eventsBeforeLoss, icountBeforeLoss) = (piece.endEvent, piece.endIcount) }
            (event, icount) = (piece.endEvent, piece.endIcount)
            eventCount &+= UInt64(piece.eventCount)
            place = piece.range?.upperBound ?? search.chunks.size
            previous = piece
        }
        accountEnd(event, icount, unused, place, previous)
    }

    private static func bytes(_ unused: [Range<UInt64>], between start: UInt64, and end: UInt64) -> Range<
        UInt64
    >? {
        let parts = unused.filter { $0.lowerBound >= start && $0.upperBound <= end }
        guard let first = parts.first, let last = parts.last else { return nil }
        return first.lowerBound..<last.upperBound
    }

    private mutating func accountEnd(
        _ event: UInt64, _ icount: UInt64, _ unused: [Range<UInt64>], _ place: UInt64, _ last: SalvagedPiece?
    ) {
        lostMetadata = search.metadata == nil
        lostComments = search.chunks.commentDamage != nil
        let rest = LogSalvage.bytes(unused, between: place, and: search.chunks.size)
        // A chunk that was cut is also in the live file.
        let isReplaced = search.hasLive && last?.range == nil && last?.isWhole == true
        if let found = search.end, found.eventCount >= event {
            if found.eventCount > event {
                losses.append(
                    Loss(
                        firstEvent: event, nextEvent: found.eventCount, firstIcount: icount,
                        nextIcount: max(found.icount, icount), bytes: rest))
            } else if rest != nil {
                rebuilt.append(
                    search.hasTrailer
                        ? "what follows the end (perhaps comments)" : "what follows the events")
            }
        } else if search.indexedEvents == event {
            lostEnd = true
        } else if (rest != nil && !isReplaced) || last?.isWhole == false
            || !search.hasLive && search.begin?.isCut != true
        {
            // A recorder that is killed leaves a live file.
            losses.append(
                Loss(
                    firstEvent: event, nextEvent: nil, firstIcount: icount, nextIcount: nil, bytes: rest))
        }
        if search.understood.first?.lowerBound != 0 { rebuilt.insert("the file's header", at: 0) }
        let places = kept.compactMap(\.range?.lowerBound)
        if zip(places, places.dropFirst()).contains(where: { $0 > $1 }) {
            rebuilt.append("the order of its chunks")
        }
        end = search.end ?? LogEnd(ending: .died, recorderErrno: search.recorderErrno)
        if search.end == nil, search.begin?.isCut == true { end.ending = .cut }
        if !losses.isEmpty || lostMetadata || lostEnd { (end.ending, end.recorderErrno) = (.damaged, 0) }
        end.icount = losses.last?.firstEvent == event ? icount : max(end.icount, icount)
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
