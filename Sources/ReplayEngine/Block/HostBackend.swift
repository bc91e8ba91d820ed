import CReplay
import Glibc

/// A backend of the host: its table of callbacks.
struct HostBackend: @unchecked Sendable {
    // Sendable: the host is responsible for its pointers.

    private var table = replay_block_backend_t()
    private let opaque: UnsafeMutableRawPointer?

    init(_ source: UnsafePointer<replay_block_backend_t>, opaque: UnsafeMutableRawPointer?) {
        let size = min(Int(source.pointee.size), MemoryLayout<replay_block_backend_t>.size)
        withUnsafeMutableBytes(of: &table) { bytes in
            bytes.baseAddress?.copyMemory(from: UnsafeRawPointer(source), byteCount: size)
        }
        self.opaque = opaque
    }

    /// - Parameter writable: writes go to the backend, because there is no overlay.
    func isComplete(writable: Bool) -> Bool {
        table.length != nil && table.read != nil && (table.write != nil || !writable)
    }
    var hasZeroes: Bool { table.zeroes != nil }
    var length: Int64 { table.length?(opaque) ?? -Int64(ENOTSUP) }
    func close() { table.close?(opaque) }

    /// Passes the request to the host, which ends it by its handle. Returns a result
    /// if the table has no callback for it.
    func submit(_ request: BlockRequest) -> Int32? {
        let handle = RequestHandles.shared.add(request)
        let pointer = OpaquePointer(bitPattern: handle)
        switch request.operation {
        case .read:
            if let read = table.read {
                read(opaque, pointer, request.offset, request.buffer.piece, 1, request.flags)
                return nil
            }
        case .write:
            if let write = table.write {
                write(opaque, pointer, request.offset, request.buffer.piece, 1, request.flags)
                return nil
            }
        case .zeroes:
            if let zeroes = table.zeroes {
                zeroes(opaque, pointer, request.offset, UInt64(request.length), request.flags)
                return nil
            }
        case .discard:
            if let discard = table.discard {
                discard(opaque, pointer, request.offset, UInt64(request.length))
                return nil
            }
        case .flush:
            if let flush = table.flush {
                flush(opaque, pointer)
                return nil
            }
        }
        _ = RequestHandles.shared.take(handle)
        return request.operation == .discard || request.operation == .flush ? 0 : -ENOTSUP
    }
}
