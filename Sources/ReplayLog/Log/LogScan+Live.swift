import ReplaySystem

/// The live file continues an unfinished log.
extension LogScan {
    /// Appends the live file's events to an unfinished log.
    mutating func add(_ live: LiveSnapshot?) throws(LogError) {
        guard let live else { return }
        try checkKinship(live)
        let next = max(sequence, 1)
        var following = live.segments.filter { $0.header.sequence >= next }
        if live.isHeld {
            // One that is missing was used after its place was read, and so were those after it.
            following = following.enumerated().prefix { $1.header.sequence == next &+ UInt64($0) }
                .map(\.element)
        }
        if following.first?.header.sequence == next {
            // `NAME`'s own copy of this chunk, complete or not, isn't needed.
            tail = .clean
            contents.incompleteBytes = 0
            contents.ending = nil
        } else if !following.isEmpty {
            contents.ending = contents.ending ?? damage("chunk \(next), which is missing")
            following = []
        }
        contents.recorderErrno = live.failure ?? 0
        contents.hasLive = true
        contents.state = state(live)
        try append(following, live)
        if contents.ending == nil { contents.ending = live.damage }
    }

    private func state(_ live: LiveSnapshot) -> LogState {
        if live.isHeld { return .running }
        if case .damaged(let error) = tail { return .died(reason: error.message) }
        if let error = live.failure {
            return .died(reason: "its recorder stopped: \(SystemError(error))")
        }
        return .died(reason: "its recorder ended without replay_finish()")
    }

    /// A live file that doesn't continue this log belongs to a different one.
    private func checkKinship(_ live: LiveSnapshot) throws(LogError) {
        let foreign = LogError(.foreign, "\(live.path) belongs to a different recording than \(path)")
        if live.damage != nil && live.segments.isEmpty { return }
        if let metadataChecksum, live.binding != UInt32(truncatingIfNeeded: metadataChecksum) {
            throw foreign
        }
        for segment in live.segments {
            if try !continues(segment.header) { throw foreign }
        }
    }

    /// Does a live segment follow the chunk before it? Many chunks may come after it too, because a power cut leaves an
    /// older live file than log.
    private func continues(_ segment: LiveSegmentHeader) throws(LogError) -> Bool {
        let first = contents.begin?.sequence ?? 1
        // A ring recorder may have dropped that chunk already.
        guard segment.sequence >= first, let place = Int(exactly: segment.sequence &- first),
            place <= contents.entries.count
        else { return true }
        if place == contents.entries.count {
            return segment.chain == chain && segment.firstEvent == contents.chunkEvents
        }
        let entry = contents.entries[place]
        guard segment.firstEvent == entry.firstEvent, segment.firstIcount == entry.firstIcount else {
            return false
        }
        if place == 0 { return segment.chain == contents.begin?.chain ?? RunningChecksum.seed }
        guard case .chunk(let before) = try chunks.header(at: contents.entries[place &- 1].offset) else {
            return false
        }
        return segment.chain == before.chain
    }

    private mutating func append(_ segments: [LiveSnapshot.Segment], _ live: LiveSnapshot) throws(LogError) {
        var decoder = EventDecoder(contents.kinds)
        defer { decoder.deallocate() }
        for segment in segments {
            let header = segment.header
            guard header.chain == chain, header.firstEvent == contents.eventCount else {
                contents.ending = LogError(
                    .damaged, "\(live.path) has segments that don't follow each other",
                    offset: segment.offset,
                    eventIndex: contents.eventCount)
                break
            }
            let check = LiveSegmentCheck(segment, &decoder)
            contents.live.append(
                LogContents.LiveEvents(
                    header: header, bytes: segment.bytes, length: check.length, eventCount: check.eventCount))
            guard check.isWhole else {
                contents.ending = LogError(
                    .damaged, "\(live.path) is damaged in its events from event \(contents.eventCount) on",
                    offset: segment.offset &+ UInt64(truncatingIfNeeded: check.length),
                    eventIndex: contents.eventCount)
                break
            }
            chain = check.chain
        }
    }
}
