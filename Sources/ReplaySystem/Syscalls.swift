import CReplay
import CSystem
import Glibc

/// All system calls on files, in one place: retried when a signal interrupts them, and failing on
/// demand in tests.
package struct Syscalls: Sendable {
    package typealias Call = SyscallFaults.Call
    package typealias Result<Value> = Swift.Result<Value, SystemError>

    let faults: SyscallFaults?

    package init(faults: SyscallFaults? = nil) {
        self.faults = faults
    }

    // MARK: Open files

    /// Never returns descriptor 0, 1 or 2, even if the host has closed them.
    ///
    /// - Parameter survivesFork: a forked child keeps it. It must not keep a log, which would stay busy.
    package func open(
        _ path: String, _ flags: Int32, mode: mode_t = 0o666, in folder: Int32 = AT_FDCWD,
        survivesFork: Bool = false
    ) -> Result<Int32> {
        if let error = fault(.open) { return .failure(error) }
        let result = retry { path.withFileName { replay_open_at(folder, $0, flags, mode) } }
        if !survivesFork, case .success(let descriptor) = result { replay_fork_own(descriptor, true) }
        return result
    }

    /// A file without a name, which closing removes; readable and writable by its owner only.
    package func openUnnamed(in folder: String) -> Result<Int32> {
        if let error = fault(.open) { return .failure(error) }
        return retry { folder.withFileName { replay_open_unnamed($0) } }
    }

    /// Errors of closing are ignored: what matters was synced before.
    package func close(_ descriptor: Int32) {
        guard descriptor >= 0 else { return }
        replay_fork_own(descriptor, false)
        _ = Glibc.close(descriptor)
    }

    /// A write lock that belongs to the open file. It ends with the process, and testing it
    /// (``isLocked(_:)``) doesn't acquire it, as a reader's `flock` would.
    package func lock(_ descriptor: Int32) -> Result<Void> {
        if let error = fault(.lock) { return .failure(error) }
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        return attempt { fcntl(descriptor, Syscalls.setLock, &lock) }
    }

    package func unlock(_ descriptor: Int32) {
        var lock = flock()
        lock.l_type = Int16(F_UNLCK)
        _ = retry { fcntl(descriptor, Syscalls.setLock, &lock) }
    }

    /// A read lock, so that no recorder replaces the file meanwhile. Readers go on without it if a
    /// recorder holds the write lock, or if the file system has no locks.
    package func lockForReading(_ descriptor: Int32) {
        var lock = flock()
        lock.l_type = Int16(F_RDLCK)
        _ = retry { fcntl(descriptor, Syscalls.setLock, &lock) }
    }

    /// Whether another open file holds the write lock.
    package func isLocked(_ descriptor: Int32) -> Bool {
        var lock = flock()
        lock.l_type = Int16(F_RDLCK)
        guard case .success = retry({ fcntl(descriptor, Syscalls.getLock, &lock) }) else { return false }
        return lock.l_type != Int16(F_UNLCK)
    }

    package func status(_ descriptor: Int32) -> Result<stat> {
        if let error = fault(.stat) { return .failure(error) }
        var status = stat()
        return attempt { fstat(descriptor, &status) }.map { status }
    }

    /// Sets the permission bits. Errors are ignored.
    package func setMode(_ descriptor: Int32, _ mode: mode_t) {
        _ = fchmod(descriptor, mode & 0o777)
    }

    // MARK: Names

    /// For a name in a folder; doesn't follow a symbolic link.
    package func status(_ name: String, in folder: Int32) -> Result<stat> {
        if let error = fault(.stat) { return .failure(error) }
        var status = stat()
        return attempt { name.withFileName { fstatat(folder, $0, &status, AT_SYMLINK_NOFOLLOW) } }
            .map { status }
    }

    /// For the file that a path refers to.
    package func status(path: String) -> Result<stat> {
        if let error = fault(.stat) { return .failure(error) }
        var status = stat()
        return attempt { path.withFileName { stat($0, &status) } }.map { status }
    }

    /// Renames within a folder; unless `replacing`, an existing `to` is EEXIST.
    package func rename(_ from: String, _ to: String, in folder: Int32, replacing: Bool) -> Result<Void> {
        if let error = fault(.rename) { return .failure(error) }
        return attempt {
            from.withFileName { from in to.withFileName { replay_rename_in(folder, from, $0, replacing) } }
        }
    }

    package func unlink(_ name: String, in folder: Int32) -> Result<Void> {
        if let error = fault(.unlink) { return .failure(error) }
        return attempt { name.withFileName { unlinkat(folder, $0, 0) } }
    }

    /// Syncs a folder, so that a new file's name is on the disk. Errors are ignored.
    package func syncFolder(_ descriptor: Int32) {
        _ = fsync(descriptor)
    }

    /// The path that a symbolic link refers to; any other path unchanged.
    package static func resolved(_ path: String) -> String {
        var status = stat()
        guard path.withFileName({ lstat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFLNK,
            let real = path.withFileName({ realpath($0, nil) })
        else { return path }
        defer { free(real) }
        return String(fileName: real)
    }

    // MARK: Threads

    /// Starts a thread of the library.
    package func startThread(_ body: @escaping @Sendable () -> Void) -> Result<LibraryThread> {
        if let error = fault(.thread) { return .failure(error) }
        return LibraryThread.start(body)
    }

    // MARK: Time

    /// A monotonic clock.
    package static func monotonicTime() -> timespec {
        var now = timespec()
        _ = clock_gettime(CLOCK_MONOTONIC, &now)
        return now
    }

    /// The calling thread's CPU time, in ns.
    package static var threadTime: Int64 { time(CLOCK_THREAD_CPUTIME_ID) }
    /// That of all threads.
    package static var processTime: Int64 { time(CLOCK_PROCESS_CPUTIME_ID) }

    private static func time(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        _ = clock_gettime(clock, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    /// Sleeps for a moment, so that another process can continue.
    package static func pause() {
        var time = timespec(tv_sec: 0, tv_nsec: 1_000_000)
        _ = nanosleep(&time, nil)
    }

    // MARK: Failing

    // F_OFD_GETLK and F_OFD_SETLK.
    private static let getLock: Int32 = 36
    private static let setLock: Int32 = 37

    func fault(_ call: Call) -> SystemError? {
        guard let faults, case .fail(let error) = faults.action(call) else { return nil }
        return SystemError(error)
    }

    /// A call whose value says only whether it failed.
    func attempt(_ call: () -> Int32) -> Result<Void> { retry(call).map { _ in } }

    func retry<Value: SignedInteger>(_ call: () -> Value) -> Result<Value> {
        while true {
            let value = call()
            if value >= 0 { return .success(value) }
            let error = SystemError.last
            if error.number != EINTR { return .failure(error) }
        }
    }
}
