/// What a snapshot of the engine contains, besides the icount and the number of the event
/// (``SharedState``). It is a value, which is saved, loaded and reset as a whole.
///
/// The replay lock guards it, or in mode NONE, where that does nothing, ``Session/clockLock``.
struct EngineState {
    /// The number of events whose order relative to the vCPU thread's flushes isn't fixed: shutdowns.
    var unorderedEvents: UInt64 = 0
    /// The last readings of the recorded clocks, by ``ClockNumber``.
    var readings: InlineArray<2, Int64> = [0, 0]
    var hostClock: Int64 {
        get { readings[0] }
        set { readings[0] = newValue }
    }
    var virtualRTClock: Int64 {
        get { readings[1] }
        set { readings[1] = newValue }
    }

    var nextBottomHalf: UInt64 = 0
    var nextBlockRequest: UInt64 = 0
    /// For requests that began while events were disabled: see ``RequestID``.
    var unwrittenBlockRequests: UInt64 = 0
    var flushPlace = FlushPlace()
    /// The icount of the next digest of the guest's state.
    var nextDigest: UInt64 = .max
    /// PLAY: the icount of the last digest that matched.
    var sameDigest: UInt64?
    /// PLAY: where the replay was taken to last, by a snapshot or a position.
    var loadedAt: UInt64?
    /// The cause of the last shutdown request, and its place.
    var shutdownCause = ShutdownCause.none
    var shutdownIcount: UInt64 = 0

    var clock = VirtualClock()
    var timers = TimerList()
    var pauses = PauseCount()
}
