import Glibc
import ReplaySystem

extension LogError {
    /// An error for a system call that failed on `path`.
    package static func system(_ error: SystemError, _ action: String, _ path: String, offset: UInt64 = 0)
        -> LogError
    {
        var failure = LogError(code(for: error), "\(path) can't be \(action): \(error)", offset: offset)
        failure.errno = error.number
        return failure
    }

    /// A failure outside of the log that ends a recording.
    package init(outside sentence: String, _ error: SystemError) {
        self.init(LogError.code(for: error), sentence)
        errno = error.number
    }

    private static func code(for error: SystemError) -> Code {
        switch error.number {
        case ENOENT: .notFound
        case ENOMEM: .noMemory
        case ENOSPC, EDQUOT, EFBIG: .diskFull
        default: .system(error.number)
        }
    }
}

extension Result where Failure == SystemError {
    /// The value, or an error that says what can't be done with `path`.
    package func orThrow(_ action: String, _ path: String, offset: UInt64 = 0) throws(LogError) -> Success {
        switch self {
        case .success(let value): return value
        case .failure(let error): throw LogError.system(error, action, path, offset: offset)
        }
    }
}
