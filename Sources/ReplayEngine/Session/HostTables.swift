import Synchronization

/// The current callbacks, which every thread may read at any time, without a lock.
///
/// A table stays valid as long as its session, because a different thread may be about to call one of
/// its callbacks. Equal tables share memory, so that a session can be configured again and again. Each
/// different one (also with a different `opaque`) costs a few hundred bytes until the session is freed, and a
/// comparison in later configurations. Hosts have few.
final class HostTables: @unchecked Sendable {
    // Sendable: only the thread that configures uses the list; a table never changes.

    private var tables: [UnsafeMutablePointer<Host>]
    /// Never nil: the type spares the check that each load of any other pointer makes.
    private let inForce: Atomic<UnsafeMutablePointer<Host>?>

    init() {
        let none = UnsafeMutablePointer<Host>.allocate(capacity: 1)
        none.initialize(to: Host())
        tables = [none]
        inForce = Atomic(none)
    }

    deinit {
        for table in tables {
            table.deinitialize(count: 1)
            table.deallocate()
        }
    }

    @inline(__always)
    var current: UnsafeMutablePointer<Host> { inForce.load(ordering: .acquiring).unsafelyUnwrapped }

    func set(_ host: Host) {
        if let known = tables.first(where: { $0.pointee.identity == host.identity }) {
            return inForce.store(known, ordering: .releasing)
        }
        let table = UnsafeMutablePointer<Host>.allocate(capacity: 1)
        table.initialize(to: host)
        tables.append(table)
        inForce.store(table, ordering: .releasing)
    }
}
