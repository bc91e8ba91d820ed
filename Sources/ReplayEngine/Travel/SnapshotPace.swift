/// When the vCPU thread takes snapshots on its way: by its CPU time, because the speed of guests is uneven.
struct SnapshotPace {
    /// The place and the thread's time of the last look.
    private(set) var icount: UInt64
    private var time: Int64
    /// The thread's time at the last snapshot that was taken or passed.
    private var snapshotTime: Int64
    /// Instructions between two looks.
    private var interval: UInt64 = 10_000
    private static let intervals: ClosedRange<UInt64> = 1_000...10_000_000

    /// CPU time, in ns, between two snapshots, and between two looks.
    let spacing: Int64
    private var lookSpacing: Int64
    /// None is possible for so long.
    private var delay: Int64 = 0
    private static let longestDelay: Int64 = 200_000_000
    static let usualSpacing: Int64 = 50_000_000

    init(_ icount: UInt64, _ time: Int64, spacing: Int64 = usualSpacing, isRecording: Bool = false) {
        (self.icount, self.time, snapshotTime) = (icount, time, time)
        self.spacing = spacing
        // A look takes some µs.
        lookSpacing = max(spacing / 10, isRecording ? 500_000 : 100_000)
    }

    /// Something else than time may make a snapshot due.
    mutating func lookOften() { lookSpacing = min(lookSpacing, 5_000_000) }

    var next: UInt64 { icount &+ interval }
    var isDue: Bool { time &- snapshotTime >= spacing }

    /// The machine has come to a different place.
    mutating func restart(_ icount: UInt64, _ time: Int64) {
        (self.icount, self.time, snapshotTime) = (icount, time, time)
    }

    mutating func pass(_ time: Int64) { snapshotTime = time }

    /// None will be taken for so long: until then there are fewer looks.
    mutating func wait(_ delay: Int64) { self.delay = min(delay, Self.longestDelay) }

    mutating func look(_ icount: UInt64, _ time: Int64) {
        let (instructions, elapsed) = (icount &- self.icount, UInt64(max(time &- self.time, 1)))
        (self.icount, self.time) = (icount, time)
        guard instructions >= Self.intervals.lowerBound else { return }
        let scaled = instructions.multipliedReportingOverflow(by: UInt64(max(lookSpacing, delay / 4)))
        interval = min(
            max(scaled.overflow ? .max : scaled.partialValue / elapsed, Self.intervals.lowerBound),
            Self.intervals.upperBound)
    }
}
