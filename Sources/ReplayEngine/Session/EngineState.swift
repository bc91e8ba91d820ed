import Synchronization

/// What the engine itself knows of a run: with ``EngineTime``, what a snapshot of the engine holds.
package struct EngineState: ~Copyable {
    /// What every thread may look at, see ``Session/icountSeen``.
    struct Counts: ~Copyable {
        let icount = Atomic<UInt64>(0)
        let events = Atomic<UInt64>(0)
    }
    /// Instructions at the last accounting.
    package internal(set) var icount: UInt64 {
        @inline(__always) get { counts.icount.load(ordering: .relaxed) }
        @inline(__always) nonmutating set { counts.icount.store(newValue, ordering: .relaxed) }
    }
    /// Events written or consumed.
    package internal(set) var events: UInt64 {
        @inline(__always) get { counts.events.load(ordering: .relaxed) }
        @inline(__always) nonmutating set { counts.events.store(newValue, ordering: .relaxed) }
    }
    /// Those of them that the vCPU thread's course does not order against its flushes: shutdowns.
    var unorderedEvents: UInt64 = 0
    /// The last readings of the recorded clocks.
    var hostClock: Int64 = 0
    var virtualRTClock: Int64 = 0

    var nextBottomHalf: UInt64 = 0
    var nextBlockRequest: UInt64 = 0
    /// Those that began while events were disabled: see ``RequestID``.
    var unwrittenBlockRequests: UInt64 = 0
    /// The icount of the next digest of the guest's state.
    var nextDigest: UInt64 = .max
    /// PLAY: the icount of the last digest that was the recorded one.
    var sameDigest: UInt64?
    /// The cause of the last shutdown request, and its place.
    var shutdownCause: Int32 = 0
    var shutdownIcount: UInt64 = 0

    /// Last: the thread sanitizer takes the first member's address for that of the whole.
    let counts = Counts()
}

extension Session {
    /// As at the beginning, field by field: other threads may be looking at the counts.
    func resetState() {
        state.icount = 0
        state.events = 0
        state.unorderedEvents = 0
        state.hostClock = 0
        state.virtualRTClock = 0
        state.nextBottomHalf = 0
        state.nextBlockRequest = 0
        state.unwrittenBlockRequests = 0
        state.nextDigest = .max
        state.sameDigest = nil
        state.shutdownCause = 0
        state.shutdownIcount = 0
    }
}
