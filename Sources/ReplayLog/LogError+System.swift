import Glibc

extension LogError {
    /// An error for a system call that failed on `path`.
    static func system(_ error: Int32, _ action: String, _ path: String, offset: UInt64 = 0) -> LogError {
        var failure = LogError(
            code(for: error), "\(path) can't be \(action): \(Syscalls.describe(error))", offset: offset)
        failure.errno = error
        return failure
    }

    /// A failure outside of the log that ends a recording.
    package init(outside sentence: String, errno error: Int32) {
        self.init(LogError.code(for: error), sentence)
        errno = error
    }

    static func code(for error: Int32) -> Code {
        switch error {
        case ENOENT: .notFound
        case ENOMEM: .noMemory
        case ENOSPC, EDQUOT, EFBIG: .diskFull
        default: .system(error)
        }
    }
}
