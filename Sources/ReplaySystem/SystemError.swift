import Glibc

/// Why a system call failed: an errno, in the one form that the whole library has for it.
///
/// It becomes a log's error in ``LogError/system(_:_:_:offset:)``, a session's in `ReplayError`, and what a guest's
/// request ends with in ``guestResult``.
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

    /// A negative errno, as block requests end with it.
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
