import ReplayLog
import ReplaySystem

/// The configuration of a session, from the struct and the option string.
package struct Options {
    /// The shift in the configuration.
    package enum Shift: Equatable {
        case unset
        case fixed(UInt8)
        case automatic

        var description: String {
            switch self {
            case .unset: "default"
            case .fixed(let shift): "\(shift)"
            case .automatic: "auto"
            }
        }
    }

    /// Where snapshots go that the library makes.
    package enum SnapshotUse: Equatable {
        case off
        /// PLAY: in memory. RECORD: none.
        case memory
        /// Also to `NAME.snap`: after so much CPU time, or after the guest has written so many bytes of RAM. One of
        /// these may be nil.
        case file(milliseconds: Int32?, written: Int? = nil)
    }

    package var mode = Mode.none
    package var fileName: String?
    package var snapshot: String?
    package var shift = Shift.unset
    /// nil: on, or as recorded.
    package var sleep: Bool?
    package var align = false
    package var blockData = false
    package var lint = false
    package var goOnWhenFull = false
    package var digestInterval: UInt64 = 0
    package var stallMilliseconds: UInt32 = 1000
    package var segmentBytes = 1 << 20
    package var overwrites = true
    /// Where a recording ends, the machine goes on by itself.
    package var goesLive = false
    /// The folder for temporary overlays; nil: that of temporary files.
    package var overlayFolder: String?
    package var createdNs: UInt64 = 0
    package var snapshots = SnapshotUse.memory
    /// RECORD: the part of the run that is kept.
    package var last = LogRing.Limits()
    /// The size that `NAME.snap` may reach.
    package var snapshotBytes: UInt64 = 1 << 30
    /// The memory that snapshots may take.
    package var snapshotMemory = 256 << 20
    /// For tests: makes system calls on the run's files fail.
    package var faults: SyscallFaults?

    package init() {}
}
