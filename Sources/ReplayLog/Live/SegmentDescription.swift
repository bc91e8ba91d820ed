/// A segment that is ready to become a chunk.
struct SegmentDescription: Sendable {
    var header: LiveSegmentHeader
    var eventCount: UInt32
    var length: Int
    /// The instruction count of the last event.
    var lastIcount: UInt64
    /// The running checksum after the last event.
    var chain: UInt64
}
