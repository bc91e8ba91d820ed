import Glibc

extension LogError {
    /// An error for a system call that failed on `path`.
    static func system(_ error: Int32, _ action: String, _ path: String, offset: UInt64 = 0) -> LogError {
        LogError(code(for: error), "\(path) can't be \(action): \(Syscalls.describe(error))", offset: offset)
    }

    static func code(for error: Int32) -> Code {
        switch error {
        case ENOENT: .notFound
        case ENOSPC, EDQUOT, EFBIG: .diskFull
        default: .system(error)
        }
    }
}

extension LogError {
    /// The errno behind the error, for the live file; 0 when there is none.
    var errno: Int32 {
        switch code {
        case .system(let error): error
        case .diskFull: ENOSPC
        case .notFound: ENOENT
        default: 0
        }
    }
}
