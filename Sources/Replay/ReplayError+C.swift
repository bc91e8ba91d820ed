import CReplay
import ReplayEngine
import ReplaySystem

extension ReplayError {
    /// Writes the C struct, up to `size` bytes.
    func copy(to target: UnsafeMutableRawPointer, size: Int) {
        withC(size: UInt32(truncatingIfNeeded: size)) { error in
            target.copyMemory(
                from: UnsafeRawPointer(error), byteCount: min(size, MemoryLayout<replay_error_t>.size))
        }
    }

    /// Calls `body` with the C struct, which is valid during the call. It is large, and a host's stack
    /// may be small, so there is only one at a time.
    func withC(
        size: UInt32 = UInt32(MemoryLayout<replay_error_t>.size),
        _ body: (UnsafePointer<replay_error_t>) -> Void
    ) {
        var error = replay_error_t()
        withUnsafeMutablePointer(to: &error) { error in
            error.pointee.size = size
            fill(error)
            body(UnsafePointer(error))
        }
    }

    @inline(never)
    private func fill(_ error: UnsafeMutablePointer<replay_error_t>) {
        error.pointee.status = status.code
        error.pointee.icount = icount
        error.pointee.event_index = eventIndex
        error.pointee.role = roles
        error.pointee.system_error = systemError
        withUnsafeMutableBytes(of: &error.pointee.expected) { expected.copyAsCString(to: $0) }
        withUnsafeMutableBytes(of: &error.pointee.found) { found.copyAsCString(to: $0) }
        withUnsafeMutableBytes(of: &error.pointee.device) { device.copyAsCString(to: $0) }
        withUnsafeMutableBytes(of: &error.pointee.message) { message.copyAsCString(to: $0) }
        withUnsafeMutableBytes(of: &error.pointee.history) { history.copyAsCString(to: $0) }
    }
}

extension String {
    /// Copies the whole characters that fit, and a NUL.
    func copyAsCString(to bytes: UnsafeMutableRawBufferPointer) {
        var end = 0
        for character in shown {
            let length = character.utf8.count
            guard end + length < bytes.count else { break }
            for byte in character.utf8 {
                bytes[end] = byte
                end += 1
            }
        }
        if end < bytes.count { bytes[end] = 0 }
    }
}
