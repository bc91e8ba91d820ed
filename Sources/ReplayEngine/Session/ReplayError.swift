import Glibc
import ReplayLog
import ReplaySystem

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
        case .unsupported: status = .notSupported
        case .misuse: status = .wrongState
        }
        message = error.message
        systemError = error.errno
        icount = error.icount
        eventIndex = error.eventIndex
    }

    /// The bytes of a message that the C interface has room for.
    package static let messageRoom = 511
}
