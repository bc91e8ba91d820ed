import ReplaySystem

/// The logs that C has open. A handle is a cell with the log; it is used again after the log was closed, and never freed,
/// so that a stale one is recognised.
enum LogHandles {
    private typealias Cell = UnsafeMutablePointer<UnsafeMutableRawPointer?>
    private struct Cells: @unchecked Sendable {
        // Sendable: the lock guards it.
        var free: [Cell] = []
    }
    private static let cells = Locked(Cells(), lastsForEver: true)

    static func open(_ log: OpenLog) -> OpaquePointer {
        let object = Unmanaged.passRetained(log).toOpaque()
        let cell: Cell = cells.withLock { cells in
            if let cell = cells.free.popLast() { return cell }
            let cell = Cell.allocate(capacity: 1)
            cell.initialize(to: nil)
            return cell
        }
        cell.pointee = object
        return OpaquePointer(cell)
    }

    /// Nil: it isn't open.
    @inline(__always)
    static func find(_ handle: OpaquePointer?) -> Unmanaged<OpenLog>? {
        guard let handle else { return nil }
        return Cell(handle).pointee.map { Unmanaged<OpenLog>.fromOpaque($0) }
    }

    static func close(_ handle: OpaquePointer?) {
        guard let handle, let log = find(handle) else { return }
        let cell = Cell(handle)
        cell.pointee = nil
        cells.withLock { $0.free.append(cell) }
        log.release()
    }
}
