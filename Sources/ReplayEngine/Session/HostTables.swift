import Glibc
import Synchronization

/// The callbacks in force, which every thread may read at any time, without a lock.
///
/// A table that was once in force stays valid as long as its session: another thread may be about to
/// call from it, and nobody knows when it has. Equal tables share memory, so that a session can be configured
/// again and again. Each different one, so each different `opaque` too, costs a few hundred bytes until the
/// session is freed, and a comparison when the session is configured next: hosts have few.
final class HostTables: @unchecked Sendable {
    // Sendable: the list belongs to the thread that configures; a table never changes.

    private var tables: [UnsafeMutablePointer<Host>]
    private let inForce: Atomic<UnsafeMutablePointer<Host>>

    init() {
        let none = UnsafeMutablePointer<Host>.allocate(capacity: 1)
        none.initialize(to: Host())
        tables = [none]
        inForce = Atomic(none)
    }

    deinit { for table in tables { table.deallocate() } }

    @inline(__always)
    var current: UnsafeMutablePointer<Host> { inForce.load(ordering: .acquiring) }

    func set(_ host: Host) {
        var host = host
        let size = MemoryLayout<Host>.size
        if let known = tables.first(where: { memcmp($0, &host, size) == 0 }) {
            return inForce.store(known, ordering: .releasing)
        }
        let table = UnsafeMutablePointer<Host>.allocate(capacity: 1)
        // Byte by byte, so that the comparison holds.
        memcpy(table, &host, size)
        tables.append(table)
        inForce.store(table, ordering: .releasing)
    }
}
