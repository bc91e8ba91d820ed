/// What the engine itself knows of a run, as a value: with ``EngineTime``, what a
/// snapshot of the engine holds.
package struct EngineState {
    /// Instructions at the last accounting.
    package internal(set) var icount: UInt64 = 0
    /// Events written or consumed.
    package internal(set) var events: UInt64 = 0
    /// The last readings of the recorded clocks.
    var hostClock: Int64 = 0
    var virtualRTClock: Int64 = 0

    var nextBottomHalf: UInt64 = 0
    var nextBlockRequest: UInt64 = 0
    /// The icount of the next digest of the guest's state.
    var nextDigest: UInt64 = .max
    /// PLAY: the icount of the last digest that was the recorded one.
    var sameDigest: UInt64?
    /// The cause of the last shutdown request.
    var shutdownCause: Int32 = 0
}
