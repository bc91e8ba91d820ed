import Glibc

/// Why a system call failed: the whole library's form of an errno.
///
/// ``LogError/system(_:_:_:offset:)`` makes a log's error of it, `ReplayError` a session's, and ``guestResult`` the
/// result of a guest's request.
package struct SystemError: Error, Equatable, Sendable {
    /// The errno.
    package let number: Int32
    /// What to say instead of the system's sentence.
    private let sentence: String?

    package init(_ number: Int32, _ sentence: String? = nil) {
        self.number = number
        self.sentence = sentence
    }

    /// The calling thread's errno.
    package static var last: SystemError { SystemError(errno) }

    package static var noMemory: SystemError { SystemError(ENOMEM) }

    /// The negative errno that is a block request's result.
    package var guestResult: Int32 { 0 &- number }

    /// So that patterns name an errno: `case .failure(ENOENT)`, `catch ELOOP`.
    package static func ~= (number: Int32, error: SystemError) -> Bool { error.number == number }
}

extension SystemError: CustomStringConvertible {
    /// A sentence without its end.
    package var description: String {
        if let sentence { return sentence }
        switch number {
        case ENOSPC: return "no space is left on the device"
        case EDQUOT: return "the disk quota is used up"
        case EFBIG: return "the file would exceed the size limit"
        default: return strerror(number).map { String(cString: $0) } ?? "system error \(number)"
        }
    }
}
