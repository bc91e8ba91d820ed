/// A segment that is ready to become a chunk.
struct SegmentDescription: Sendable {
    var header: LiveSegmentHeader
    var eventCount: UInt32
    var length: Int
    /// The running checksum after the last event.
    var chain: UInt64
}
