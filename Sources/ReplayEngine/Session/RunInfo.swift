/// What a host can learn of a run.
package struct RunInfo {
    package var mode = Mode.none
    /// Now, or without the lock at the last accounting.
    package var icount: UInt64 = 0
    package var events: UInt64 = 0
    package var queued: UInt64 = 0
    package var virtualNs: Int64 = 0
    /// Virtual time that passed in sleep.
    package var warpedNs: Int64 = 0
    package var shift: Int32 = 0
    /// The log's format; 0: no log.
    package var logVersion: UInt32 = 0
    package var hasBlockData = false
    /// In memory and in the file.
    package var snapshots: UInt32 = 0
    /// RECORD: bytes of the events, before compression.
    package var eventBytes: UInt64 = 0
    /// RECORD: how often the recorder waited for the disk.
    package var logStalls: UInt64 = 0
    /// PLAY: the end of the log was reached.
    package var isAtEnd = false
    /// PLAY of a finished log.
    package var end: End?
    /// PLAY: where a break is set; the largest number: nowhere.
    package var breakIcount = UInt64.max
    /// PLAY: the first place that can be reached.
    package var firstIcount: UInt64 = 0

    package struct End {
        package var events: UInt64
        package var icount: UInt64
        package var cause: ShutdownCause
        package var exitCode: Int32
    }
}
