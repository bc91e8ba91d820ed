import Glibc
import ReplaySystem

/// The name of a UNIX socket, which the system leaves in the file system: a file that a program left behind when it was
/// ended is replaced, and this one is removed at the end.
struct SocketFile: Sendable {
    private let path: String
    private let system: Syscalls
    private let device: dev_t
    private let number: ino_t

    /// nil: no UNIX socket, or its file is gone already.
    init?(_ address: SocketAddress, _ system: Syscalls) {
        guard case .unix(let path) = address,
            case .success(let status) = system.status(path, in: AT_FDCWD)
        else { return nil }
        self.path = path
        self.system = system
        device = status.st_dev
        number = status.st_ino
    }

    /// Removes a socket file at which nobody listens.
    static func makeRoom(_ address: SocketAddress, _ system: Syscalls) -> Syscalls.Result<Void> {
        guard case .unix(let path) = address else { return .success(()) }
        switch system.status(path, in: AT_FDCWD) {
        case .failure(ENOENT): return .success(())
        case .failure(let error): return .failure(error)
        case .success(let status):
            // bind() fails with this for any file.
            guard status.st_mode & S_IFMT == S_IFSOCK else { return .failure(SystemError(EADDRINUSE)) }
        }
        return system.isListening(path: path).flatMap { isListening in
            isListening ? .failure(SystemError(EADDRINUSE)) : system.unlink(path, in: AT_FDCWD)
        }
    }

    /// Leaves a file alone that has replaced this one.
    func remove() {
        guard case .success(let status) = system.status(path, in: AT_FDCWD), status.st_dev == device,
            status.st_ino == number
        else { return }
        _ = system.unlink(path, in: AT_FDCWD)
    }
}
