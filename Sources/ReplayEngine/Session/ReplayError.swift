import CReplay
import Glibc
import ReplayLog

/// What failed, where, what was expected and what was found.
package struct ReplayError: Error, Sendable {
    package var status: Status
    package var icount: UInt64 = 0
    package var eventIndex: UInt64 = 0
    package var roles: Int32 = 0
    package var systemError: Int32 = 0
    package var expected = ""
    package var found = ""
    package var device = ""
    /// One sentence.
    package var message: String
    /// The last events before it, one line for each.
    package var history = ""

    package init(
        _ status: Status, _ message: String, expected: String = "", found: String = "", device: String = ""
    ) {
        self.status = status
        self.message = message
        self.expected = expected
        self.found = found
        self.device = device
    }

    /// From a failed system call.
    init(_ error: SystemError, _ what: String, device: String) {
        self.init(error.number == EINVAL ? .invalidArgument : .system, "\(what): \(error)", device: device)
        systemError = error.number
    }

    /// From an error of the log's reader or writer.
    package init(_ error: LogError) {
        switch error.code {
        case .notFound: status = .logNotFound
        case .system: status = .system
        case .notALog: status = .logNotALog
        case .version: status = .logVersion
        case .damaged, .foreign: status = .logDamaged
        case .busy: status = .logBusy
        case .exists: status = .logExists
        case .lost: status = .logLost
        case .empty: status = .logEmpty
        case .diskFull: status = .diskFull
        case .tooLarge: status = .invalidArgument
        case .noMemory: status = .noMemory
        case .misuse: status = .wrongState
        }
        message = error.message
        systemError = error.errno
        icount = error.icount
        eventIndex = error.eventIndex
    }

    /// The size of the C struct's message.
    static let messageRoom = MemoryLayout.size(ofValue: replay_error_t().message) - 1

    /// Writes the C struct, up to `size` bytes.
    package func copy(to target: UnsafeMutableRawPointer, size: Int) {
        withC(size: UInt32(truncatingIfNeeded: size)) { error in
            target.copyMemory(
                from: UnsafeRawPointer(error), byteCount: min(size, MemoryLayout<replay_error_t>.size))
        }
    }

    /// Calls `body` with the C struct, which is valid during the call. It is large, and a host's stack
    /// may be small, so there is only one at a time.
    package func withC(
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
