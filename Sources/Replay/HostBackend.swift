import CReplay
import Glibc
import ReplayEngine
import ReplaySystem

/// A backend of the host: its table of callbacks.
struct HostBackend: DiskBackend, @unchecked Sendable {
    // Sendable: the host is responsible for its pointers.

    private var table = replay_block_backend_t()
    private let opaque: UnsafeMutableRawPointer?

    init(_ source: UnsafePointer<replay_block_backend_t>, opaque: UnsafeMutableRawPointer?) {
        replay_copy_known(&table, source, MemoryLayout<replay_block_backend_t>.size)
        self.opaque = opaque
    }

    var length: Int64 { table.length?(opaque) ?? -Int64(ENOTSUP) }
    var hasZeroes: Bool { table.zeroes != nil }

    func isComplete(writable: Bool) -> Bool {
        withUnsafePointer(to: table) { replay_backend_is_whole($0, writable) }
    }

    func submit(_ request: BlockRequest, handle: UInt) -> Int32? {
        let result = withUnsafePointer(to: table) { table in
            withUnsafePointer(to: request.asked) { asked in
                replay_backend_submit(
                    table, opaque, OpaquePointer(bitPattern: handle), asked, request.buffer.piece)
            }
        }
        return result > 0 ? nil : result
    }

    func close() { table.close?(opaque) }
}

extension DiskConfiguration {
    init(_ config: replay_block_config_t) {
        self.init(
            name: config.name.map { String(fileName: $0) },
            image: config.filename.map { String(fileName: $0) },
            backend: config.backend.map { HostBackend($0, opaque: config.opaque) },
            overlay: OverlayKind(rawValue: config.overlay),
            overlayName: config.overlay_filename.map { String(fileName: $0) },
            isReadOnly: config.read_only != 0, workers: config.workers, resubmits: config.resubmits != 0)
    }
}
