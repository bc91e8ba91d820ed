import CReplay
import Glibc
import ReplaySystem

/// A backend of the host: its table of callbacks.
struct HostBackend: @unchecked Sendable {
    // Sendable: the host is responsible for its pointers.

    private var table = replay_block_backend_t()
    private let opaque: UnsafeMutableRawPointer?

    init(_ source: UnsafePointer<replay_block_backend_t>, opaque: UnsafeMutableRawPointer?) {
        replay_copy_known(&table, source, MemoryLayout<replay_block_backend_t>.size)
        self.opaque = opaque
    }

    /// - Parameter writable: writes go to the backend, because there is no overlay.
    func isComplete(writable: Bool) -> Bool {
        withUnsafePointer(to: table) { replay_backend_is_whole($0, writable) }
    }
    var hasZeroes: Bool { table.zeroes != nil }
    var length: Int64 { table.length?(opaque) ?? -Int64(ENOTSUP) }
    func close() { table.close?(opaque) }

    /// Passes the request to the host, which ends it by its handle. Returns a result
    /// if the table has no callback for it.
    func submit(_ request: BlockRequest) -> Int32? {
        let handle = RequestHandles.shared.add(request)
        let pointer = OpaquePointer(bitPattern: handle)
        let result = withUnsafePointer(to: table) { table in
            withUnsafePointer(to: request.asked) { asked in
                replay_backend_submit(table, opaque, pointer, asked, request.buffer.piece)
            }
        }
        if result > 0 { return nil }
        _ = RequestHandles.shared.take(handle)
        return result
    }
}

extension BlockRequest {
    /// As the host's backend gets it.
    fileprivate var asked: replay_asked_t {
        let code =
            switch operation {
            case .read: REPLAY_OPERATION_READ
            case .write: REPLAY_OPERATION_WRITE
            case .zeroes: REPLAY_OPERATION_ZEROES
            case .discard: REPLAY_OPERATION_DISCARD
            case .flush: REPLAY_OPERATION_FLUSH
            }
        return replay_asked_t(operation: code, flags: flags, offset: offset, length: UInt64(length))
    }

    /// The result of a request that needs no backend.
    func refusal(length: Int64, isReadOnly: Bool) -> SystemError? {
        let result = withUnsafePointer(to: asked) { replay_asked_refusal($0, length, isReadOnly) }
        return result == 0 ? nil : SystemError(-result)
    }
}
