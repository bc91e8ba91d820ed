import CReplay
import ReplaySystem

/// What a host has instead of an image.
package protocol DiskBackend: Sendable {
    /// In bytes, or a negative errno.
    var length: Int64 { get }
    /// Is there an operation that writes zeroes?
    var hasZeroes: Bool { get }

    /// - Parameter writable: writes go to the backend, because there is no overlay.
    func isComplete(writable: Bool) -> Bool

    /// Passes the request to the host, which ends it by its handle. Returns a result if the host has no callback
    /// for it.
    func submit(_ request: BlockRequest, handle: UInt) -> Int32?

    func close()
}

extension BlockRequest {
    /// As the rules have it that the library shares with the stubs.
    package var asked: replay_asked_t {
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
    var refusal: SystemError? {
        let result = withUnsafePointer(to: asked) { replay_asked_refusal($0, disk.length, disk.isReadOnly) }
        return result == 0 ? nil : SystemError(-result)
    }
}
