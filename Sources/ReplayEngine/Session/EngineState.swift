/// What a snapshot of the engine holds besides its place, the icount and the number of the event
/// (``SharedState``). A value: it is saved, loaded and reset as a whole.
///
/// The replay lock guards it. In mode NONE, where no lock orders the two threads, ``Session/clockLock`` does.
struct EngineState {
    /// Events that the vCPU thread's course does not order against its flushes: shutdowns.
    var unorderedEvents: UInt64 = 0
    /// The last readings of the recorded clocks.
    var hostClock: Int64 = 0
    var virtualRTClock: Int64 = 0

    var nextBottomHalf: UInt64 = 0
    var nextBlockRequest: UInt64 = 0
    /// Those that began while events were disabled: see ``RequestID``.
    var unwrittenBlockRequests: UInt64 = 0
    var flushPlace = FlushPlace()
    /// The icount of the next digest of the guest's state.
    var nextDigest: UInt64 = .max
    /// PLAY: the icount of the last digest that was the recorded one.
    var sameDigest: UInt64?
    /// The cause of the last shutdown request, and its place.
    var shutdownCause: Int32 = 0
    var shutdownIcount: UInt64 = 0

    var clock = VirtualClock()
    var timers = TimerList()
    var pauses = PauseCount()
}
