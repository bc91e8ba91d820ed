/// What is missing around the pieces that are kept.
extension LogSalvage {
    /// Finds what is missing around the pieces.
    mutating func account() {
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
        // What precedes the log's begin in its first chunk isn't an event of the log.
        let begin = kept.first.map(isFirst) ?? false ? search.begin?.event ?? 0 : 0
        var previous: SalvagedPiece?
        var place = UInt64(FileHeader.size)
        var hasMoved = false
        for piece in kept {
            let isJoined = previous.map { piece.continues($0, version: version) } ?? isFirst(piece)
            if !isJoined {
                losses.append(
                    Loss(
                        firstEvent: event, nextEvent: piece.firstEvent, firstIcount: icount,
                        nextIcount: piece.firstIcount,
                        bytes: LogSalvage.bytes(
                            unused, between: place, and: piece.range?.lowerBound ?? search.chunks.size)))
            } else if let start = piece.range?.lowerBound {
                hasMoved = hasMoved || LogSalvage.bytes(unused, between: place, and: start) != nil
                if previous == nil, let begin = search.begin { hasMoved = hasMoved || start != begin.offset }
            }
            if losses.isEmpty { (eventsBeforeLoss, icountBeforeLoss) = (piece.endEvent, piece.endIcount) }
            (event, icount) = (piece.endEvent, piece.endIcount)
            eventCount &+= piece.endEvent &- min(max(piece.firstEvent, begin), piece.endEvent)
            place = piece.range?.upperBound ?? search.chunks.size
            previous = piece
        }
        accountEnd(event, icount, unused, place, previous)
        if hasMoved && isWhole && rebuilt.isEmpty { rebuilt.append("the places of its chunks") }
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
            || !search.hasLive && search.begin?.isCut != true || search.isLiveDamaged && losses.isEmpty
        {
            // A recorder that is killed leaves a live file, which has the last events.
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
}
