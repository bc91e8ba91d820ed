import ReplaySystem

/// A place of the run: before the event of that number, after so many instructions.
package struct SnapshotPlace: Equatable, Comparable, Sendable {
    package var icount: UInt64
    package var event: UInt64

    package init(icount: UInt64, event: UInt64) {
        self.icount = icount
        self.event = event
    }

    package static func < (one: SnapshotPlace, other: SnapshotPlace) -> Bool {
        (one.icount, one.event) < (other.icount, other.event)
    }
}

/// What the caller says about a snapshot.
package struct SnapshotLabel: Equatable, Sendable {
    /// Chosen by the caller, and unique.
    package var id: UInt64
    package var place: SnapshotPlace
    /// The work that leads to it from the start, in a unit of the caller's: the vCPU's CPU time, for example. Decides
    /// which snapshots are dropped when memory is scarce.
    package var work: UInt64
    /// It is never dropped to make room.
    package var isKept: Bool

    package init(id: UInt64, place: SnapshotPlace, work: UInt64, isKept: Bool = false) {
        self.id = id
        self.place = place
        self.work = work
        self.isKept = isKept
    }
}

/// A snapshot in memory.
struct Snapshot {
    let label: SnapshotLabel
    let table: PageTable
    let state: UnsafeMutableRawPointer
    let stateLength: Int
    var written: WrittenPages

    var stateBytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: state, count: stateLength) }
}
