import ReplaySystem

/// How the events of a chunk are stored.
package enum Compression: Sendable {
    case none
    /// As they are, in one frame: what a recorder has time for.
    case whole
    /// In columns, which take less room.
    case columns
}

/// How a log is written. The defaults are for recording; small values are for tests.
package struct LogOptions: Sendable {
    /// The bytes of events in a segment, and so in a chunk; from 256 bytes to 1 GiB.
    package var segmentSize: Int
    /// zstd's level. A payload that doesn't get shorter is stored uncompressed.
    package var compressionLevel: Int32
    package var compression = Compression.whole
    /// The largest number of events in a segment; 0: as many as fit.
    package var segmentEvents: Int
    /// The time between two syncs to the disk, in nanoseconds; 0: never.
    package var syncInterval: Int64
    /// The largest number of segments in the live file.
    package var liveSegments = 8
    /// What the part of the run is limited to that is kept.
    package var last = LogRing.Limits()
    /// Whether an older log of that name may be replaced.
    package var replaces = true
    /// Whether an older log of that name stays until ``LogWriter/start()``.
    package var startsLater = false
    /// Forces system calls to fail.
    package var faults: SyscallFaults?

    package init(
        segmentSize: Int = 1 << 20, compressionLevel: Int32 = 3, segmentEvents: Int = 0,
        syncInterval: Int64 = 1_000_000_000, faults: SyscallFaults? = nil
    ) {
        self.segmentSize = segmentSize
        self.compressionLevel = compressionLevel
        self.segmentEvents = segmentEvents
        self.syncInterval = syncInterval
        self.faults = faults
    }
}
