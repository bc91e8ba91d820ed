import ReplaySystem

/// What the live file gives.
extension SalvageSearch {
    /// Takes segments that belong to the log, as far as they are good.
    mutating func readLive(_ path: String, _ system: Syscalls) throws(LogError) {
        if end != nil { return }
        let next = (try? LiveSnapshot(path: path + LogFiles.Suffix.newLive, system: system)) ?? nil
        var found = next.flatMap { $0.tie == chunks.inode ? $0 : nil }
        if found == nil {
            found = (try? LiveSnapshot(path: path + LogFiles.Suffix.live, system: system)) ?? nil
        }
        guard let found else { return }
        if found.isHeld {
            throw LogError(.busy, "\(path) is being recorded: wait until its recorder has ended")
        }
        if metadata != nil, let binding = found.binding,
            binding != UInt32(truncatingIfNeeded: metadataChecksum)
        {
            return
        }
        hasLive = true
        isLiveDamaged = found.damage != nil
        recorderErrno = found.failure ?? 0
        live = found.segments
        for (number, segment) in live.enumerated() {
            let check = LiveSegmentCheck(segment, &decoder)
            if !check.isWhole && segment.length > 0 { isLiveDamaged = true }
            guard check.eventCount > 0, let count = UInt32(exactly: check.eventCount) else { continue }
            let (icount, chain) = end(of: segment, check)
            pieces.append(
                SalvagedPiece(
                    source: .live(number, check.length), sequence: segment.header.sequence,
                    firstEvent: segment.header.firstEvent, firstIcount: segment.header.firstIcount,
                    eventCount: count, endIcount: icount, chain: chain, chainBefore: segment.header.chain,
                    isWhole: check.isWhole))
        }
    }

    /// Icount and running checksum after the good events of a segment.
    private mutating func end(of segment: LiveSnapshot.Segment, _ check: LiveSegmentCheck) -> (UInt64, UInt64)
    {
        guard let start = segment.bytes.start else { return (0, 0) }
        decoder.begin(
            UnsafeRawPointer(start), count: check.length, firstEvent: segment.header.firstEvent,
            firstIcount: segment.header.firstIcount, eventCount: check.eventCount)
        var chain = segment.header.chain
        while decoder.remaining > 0 {
            let event = decoder.cursor
            guard decoder.skip() else { break }
            chain = RunningChecksum.fold(chain, event: event, count: decoder.cursor - event)
        }
        return (decoder.icount, chain)
    }
}
