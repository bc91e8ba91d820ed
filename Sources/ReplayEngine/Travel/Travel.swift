import CReplay
import ReplaySnapshots
import ReplaySystem

/// The pauses and journeys of a machine. Other threads leave requests; the rest belongs to the vCPU thread.
final class Travel {
    /// What a thread asks for.
    enum Request: Equatable {
        case pause, resume
        /// One instruction, in any mode.
        case step
        case seek(UInt64)
        case reverseStep, reverseContinue
        /// A step back that may end at ``Travel/access``.
        case reverseStepToAccess

        var isBackward: Bool {
            switch self {
            case .reverseStep, .reverseContinue, .reverseStepToAccess: true
            case .pause, .resume, .step, .seek: false
            }
        }

        /// Does it go to a place of a replay?
        var isJourney: Bool { if case .seek = self { true } else { isBackward } }
    }

    /// Where the machine is going.
    enum Goal {
        /// Nowhere: it runs, or is paused.
        case none
        case step(until: UInt64)
        case seek(UInt64)
        /// From its icount on, to where the instruction comes that makes it.
        case access(SnapshotPlace)
        case search(Search)
        /// The last hit that a search has found.
        case hit(Hit)
    }

    /// A breakpoint or watchpoint that was hit. Each instruction has an icount of its own.
    struct Hit: Equatable {
        var icount: UInt64
        var kind: Int32
        var address: UInt64

        var isWatch: Bool { BreakKind(rawValue: kind)?.isWatch ?? false }
    }

    /// Running through intervals between snapshots, the latest first, for the last hit in one.
    struct Search {
        /// Where the interval begins and ends.
        var start: SnapshotLabel?
        var end: UInt64
        /// The snapshot there; nil: the search began there.
        var next: SnapshotLabel?
        /// Where the earlier ones begin, in their order.
        var earlier: [SnapshotLabel]
        /// No hit is possible before `start` where none of these pages is written; nil: not known.
        var watched: [PageAddress]?
        /// The last hit in this one.
        var found: Hit?
    }

    /// The request that wasn't taken yet, and how many there have been.
    struct Inbox {
        var request: Request?
        var number: UInt64 = 0

        /// Does it ask for a pause, or for a journey?
        var holdsMachine: Bool { request.map { $0 != .resume } ?? false }

        /// The older one, if it wasn't taken, is forgotten.
        mutating func put(_ request: Request) {
            self.request = request
            number &+= 1
        }
    }

    /// A function in a structure: each time that a lock gave access to a bare one, Swift would wrap it once more.
    struct Callback {
        var call: (@Sendable () -> Void)?
    }

    /// What a debugger asks at a hit.
    struct Condition {
        var isMet: ((Int32, UInt64) -> Bool)?
    }

    let inbox = Locked(Inbox())
    /// The host ends the run: no request is taken any more.
    var isOver = false
    /// The number of the request that was taken last.
    var taken: UInt64 = 0
    var goal = Goal.none
    /// Where a step back began: it must end before.
    var backFrom: UInt64?
    /// A breakpoint has asked for a pause.
    var hit: Hit?
    /// PLAY: the last access to what is watched at which the machine was paused, if the log has something at its icount.
    /// An interrupt may have come first, and then the instruction at that place is a different one.
    var access: SnapshotPlace?
    /// The journey that is under way ends there, if it comes to that icount.
    var wantedAccess: SnapshotPlace?
    /// Where the machine was let run. A breakpoint there doesn't count again; a watchpoint does, unless the machine was
    /// paused by one: it may have been taken to the access by a step or a seek.
    var resumedAt: (icount: UInt64, fromWatch: Bool)?
    /// Asks at a hit whether it counts, for conditions of a debugger.
    let counts = Locked(Condition())
    /// Why the machine is paused.
    let pause = Locked<DebuggerStop?>(nil)
    /// Called when the machine is paused, and when the run ends.
    let onPause = Locked(Callback())
    let onEnd = Locked(Callback())
    var pausesAtStart = false
    /// PLAY: must the machine go to where the log begins, which has only a part of its run?
    var goesToBegin = false

    // MARK: Snapshots on the way

    var snapshots: Snapshots?
    /// Why there are none.
    var obstacle: String?
    /// Why there is no way back, for other threads. Nil: there is one, or nobody knows yet.
    let barrier = Locked<String?>(nil)
    /// Are snapshots taken on the way? From the first request on.
    var isEngaged = false
    /// Where to look whether a snapshot should be taken.
    var nextLook: UInt64 = .max
    /// Where to take one in any case, the last first: near the place that the machine is going to.
    var planned: [UInt64] = []
    /// Does a test say where they are taken, instead of the pace?
    let areChosen = replay_has_chosen_snapshots()
    var pace = SnapshotPace(0, 0)
    /// RECORD, rrlast: the bytes of events, and the time, at the last snapshot.
    var ringPlace: (bytes: UInt64, time: Int64) = (0, 0)
    /// RECORD: what they have cost; nil: there was none.
    var cost: SnapshotCost?
    /// rrlint: is the host's state still checked? And the digests that the guest had at snapshots.
    var lintsState = true
    var digests: [UInt64: UInt64] = [:]
    static let mostDigests = 100_000
    /// It was reported that no more go to the file.
    var fileIsReported = false
    /// It was reported that the first one wasn't possible.
    var delayIsReported = false
    /// PLAY: it was reported that those of the file need more room than there is.
    var noRoomIsReported = false
    /// PLAY: why snapshots of the file aren't used, as it was reported.
    var reportedUnusable: Set<String> = []
    /// PLAY: what snapshots need that doesn't exist any more, as it was reported.
    var reportedMissing: String?

    /// So many written pages make a snapshot.
    static let mostPages = 2500
    /// Instructions until the next attempt where none is possible.
    static let retryInterval: UInt64 = 5_000
    /// The instructions between the place that a journey goes to and the nearest snapshot before it.
    static let nearest: UInt64 = 1_000
    /// And the farthest; those between double their distance.
    static let farthest: UInt64 = nearest &<< 24

    /// The run has ended. What other threads use stays, because they may be about to use it.
    func reset() {
        inbox.withLock { $0.request = nil }
        pause.withLock { $0 = nil }
        onPause.withLock { $0.call = nil }
        onEnd.withLock { $0.call = nil }
        barrier.withLock { $0 = nil }
        (goal, backFrom, hit, resumedAt) = (.none, nil, nil, nil)
        (access, wantedAccess) = (nil, nil)
        counts.withLock { $0.isMet = nil }
        (pausesAtStart, isEngaged, goesToBegin, isOver) = (false, false, false, false)
        (fileIsReported, delayIsReported, noRoomIsReported) = (false, false, false)
        reportedMissing = nil
        reportedUnusable = []
        (snapshots, obstacle, cost) = (nil, nil, nil)
        (lintsState, digests) = (true, [:])
        (nextLook, planned, pace, ringPlace) = (.max, [], SnapshotPace(0, 0), (0, 0))
    }

    /// The journey that is under way ends without a pause.
    func endJourney() { (goal, backFrom, hit, wantedAccess, planned) = (.none, nil, nil, nil, []) }

    /// For other threads.
    func publishBarrier() {
        let exist = snapshots.map { $0.hasBegun && !$0.labels.isEmpty } ?? false
        let reason = exist ? nil : obstacle
        barrier.withLock { $0 = reason }
    }

    /// A single instruction is executed.
    var isStepping: Bool { if case .step = goal { true } else { false } }

    /// Does the machine stop where the log ends, instead of ending?
    var isUnderWay: Bool { if case .none = goal { false } else { true } }
}
