/// Follows the events of a live segment and their running checksum, as far as both are good.
struct LiveSegmentCheck {
    /// The bytes and events that are good.
    private(set) var length = 0
    private(set) var eventCount: UInt64 = 0
    /// The running checksum after the last event, if there is no damage.
    private(set) var chain: UInt64
    /// Whether all committed events are good.
    private(set) var isWhole = false

    /// Decodes with `decoder`, and leaves it at any place.
    init(_ segment: LiveSnapshot.Segment, _ decoder: inout EventDecoder) {
        chain = segment.header.chain
        guard let start = segment.bytes.start else { return }
        let end = min(segment.length, segment.available)
        decoder.begin(
            UnsafeRawPointer(start), count: end, firstEvent: segment.header.firstEvent,
            firstIcount: segment.header.firstIcount, eventCount: UInt64.max)
        var state = chain
        var offset = 0
        var nextMark = LiveLayout.markInterval
        var count: UInt64 = 0
        while offset < end {
            if offset >= nextMark {
                guard LiveSegmentCheck.mark(segment.marks, at: offset) == state else { return }
                length = offset
                eventCount = count
                nextMark = (offset / LiveLayout.markInterval &+ 1) &* LiveLayout.markInterval
            }
            let event = decoder.cursor
            guard decoder.skip() else { return }
            state = RunningChecksum.fold(state, event: event, count: decoder.cursor - event)
            offset = decoder.cursor - UnsafeRawPointer(start)
            count &+= 1
        }
        guard end == segment.length, RunningChecksum.published(state, length: end) == segment.committed else {
            return
        }
        length = end
        eventCount = count
        chain = state
        isWhole = true
    }

    /// The state that was noted for that place.
    private static func mark(_ marks: [UInt8], at offset: Int) -> UInt64? {
        let slot = offset / LiveLayout.markInterval &* LiveLayout.markSize
        return marks.withUnsafeBytes { bytes in
            guard slot >= 0, slot <= bytes.count &- LiveLayout.markSize else { return nil }
            var reader = ByteReader(
                UnsafeRawBufferPointer(rebasing: bytes[slot..<(slot &+ LiveLayout.markSize)]))
            guard reader.readUInt64() == UInt64(truncatingIfNeeded: offset) else { return nil }
            return reader.readUInt64()
        }
    }
}
