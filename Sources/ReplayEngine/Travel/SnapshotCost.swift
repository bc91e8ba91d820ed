import ReplaySnapshots

/// What the snapshots of a recording cost: they may take a small share of the process's CPU time, so where they are
/// dear there are fewer of them. Times are CPU times in ns.
struct SnapshotCost {
    /// The process's, when the recording began.
    private let start: Int64
    /// The vCPU thread's for snapshots, in all and for the last one.
    private var own: Int64 = 0
    private var last: Int64 = 0
    /// What copying and storing a page costs; so much is assumed for the first ones.
    private var page: Int64 = 3_000
    /// What had been spent, and done, when that was found.
    private var seen: (spent: Int64, pages: Int64) = (0, 0)

    /// One part in so many: 3 %, because 5 % is promised, and what can't be measured here costs something too, like
    /// the caches that a snapshot empties.
    private static let parts: Int64 = 33
    /// So much is always allowed, for short recordings.
    private static let allowance: Int64 = 20_000_000
    /// Fewer pages say little about the cost of one.
    private static let leastPages: Int64 = 256

    init(_ start: Int64) {
        self.start = start
    }

    /// The vCPU thread has worked so long, and copied so many pages.
    mutating func spend(_ time: Int64, pages: UInt64) {
        own &+= time
        if pages > 0 {
            last = time
        } else {
            // Looks, and the start.
            seen.spent &+= time
        }
    }

    /// The CPU time until a snapshot may be taken; 0: now.
    mutating func delay(_ snapshots: Snapshots, now: Int64) -> Int64 {
        let worker = snapshots.progress
        let spent = own &+ worker.time
        let done = Int64(clamping: worker.pages)
        if done &- seen.pages >= Self.leastPages {
            let latest = max(spent &- seen.spent, 0) / (done &- seen.pages)
            page = (page &+ latest) / 2
            seen = (spent, done)
        }
        let limit = (now &- start &- spent) / Self.parts &+ Self.allowance
        let missing = Int64(clamping: snapshots.pagesTaken) &- done &+ Int64(snapshots.ram.writtenCount)
        return max(spent &+ last &+ page &* missing &- limit, 0) &* Self.parts
    }
}
