import CReplay
import CSystem
import Glibc

/// All system calls on files, in one place: retried when a signal interrupts them, and failing on
/// demand in tests. A call without another result returns nil or an errno.
struct Syscalls: Sendable {
    typealias Call = SyscallFaults.Call

    var faults: SyscallFaults?

    enum Result<Value> {
        case success(Value)
        case failure(Int32)
    }

    /// Never returns descriptor 0, 1 or 2, even if the host has closed them.
    func open(_ path: String, _ flags: Int32, mode: mode_t = 0o666, in folder: Int32 = AT_FDCWD) -> Result<
        Int32
    > {
        if let error = fault(.open) { return .failure(error) }
        let result = retry { path.withFileName { replay_open_at(folder, $0, flags, mode) } }
        // In a forked child it would keep the log busy.
        if case .success(let descriptor) = result { replay_fork_own(descriptor, true) }
        return result
    }

    /// Errors of closing are ignored: what matters was synced before.
    func close(_ descriptor: Int32) {
        guard descriptor >= 0 else { return }
        replay_fork_own(descriptor, false)
        _ = Glibc.close(descriptor)
    }

    /// A write lock that belongs to the open file. It ends with the process, and testing it
    /// (``isLocked(_:)``) doesn't acquire it, as a reader's `flock` would.
    func lock(_ descriptor: Int32) -> Int32? {
        if let error = fault(.lock) { return error }
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        return failure(retry { fcntl(descriptor, Syscalls.setLock, &lock) })
    }

    func unlock(_ descriptor: Int32) {
        var lock = flock()
        lock.l_type = Int16(F_UNLCK)
        _ = retry { fcntl(descriptor, Syscalls.setLock, &lock) }
    }

    /// A read lock, so that no recorder replaces the file meanwhile. Readers go on without it if a
    /// recorder holds the write lock, or if the file system has no locks.
    func lockForReading(_ descriptor: Int32) {
        var lock = flock()
        lock.l_type = Int16(F_RDLCK)
        _ = retry { fcntl(descriptor, Syscalls.setLock, &lock) }
    }

    /// Whether another open file holds the write lock.
    func isLocked(_ descriptor: Int32) -> Bool {
        var lock = flock()
        lock.l_type = Int16(F_RDLCK)
        guard case .success = retry({ fcntl(descriptor, Syscalls.getLock, &lock) }) else { return false }
        return lock.l_type != Int16(F_UNLCK)
    }

    func status(_ descriptor: Int32) -> Result<stat> {
        if let error = fault(.stat) { return .failure(error) }
        var status = stat()
        switch retry({ fstat(descriptor, &status) }) {
        case .success: return .success(status)
        case .failure(let error): return .failure(error)
        }
    }

    /// For a name in a folder; doesn't follow a symbolic link.
    func status(_ name: String, in folder: Int32) -> Result<stat> {
        if let error = fault(.stat) { return .failure(error) }
        var status = stat()
        switch retry({ name.withFileName { fstatat(folder, $0, &status, AT_SYMLINK_NOFOLLOW) } }) {
        case .success: return .success(status)
        case .failure(let error): return .failure(error)
        }
    }

    /// Reserves space, so that a write into a mapping can't fail.
    func allocate(_ descriptor: Int32, size: Int) -> Int32? {
        if let error = fault(.allocate) { return error }
        if let error = exceedsLimit(size: size) { return error }
        let error = replay_reserve(descriptor, Int64(size))
        return error == 0 ? nil : error
    }

    func map(_ descriptor: Int32, size: Int) -> Result<UnsafeMutableRawPointer> {
        if let error = fault(.map) { return .failure(error) }
        let mapping = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor, 0)
        guard let mapping, mapping != MAP_FAILED else { return .failure(errno) }
        // It keeps the file open, and so the lock.
        _ = madvise(mapping, size, MADV_DONTFORK)
        return .success(mapping)
    }

    func unmap(_ mapping: UnsafeMutableRawPointer, size: Int) {
        _ = munmap(mapping, size)
    }

    /// Reads up to `bytes.count` bytes; fewer only at the file's end.
    func read(_ descriptor: Int32, into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Result<
        Int
    > {
        guard let start = bytes.baseAddress, let from = off_t(exactly: offset) else { return .success(0) }
        var done = 0
        while done < bytes.count {
            var wanted = bytes.count &- done
            switch faults?.action(.read) ?? .pass {
            case .pass: break
            case .fail(let error): return .failure(error)
            case .short(let count): wanted = max(1, min(wanted, count))
            }
            let (position, overflow) = from.addingReportingOverflow(off_t(done))
            if overflow { return .success(done) }
            switch retry({ pread(descriptor, start + done, wanted, position) }) {
            case .failure(let error): return .failure(error)
            case .success(0): return .success(done)
            case .success(let count): done &+= count
            }
        }
        return .success(done)
    }

    /// Writes all bytes, or returns why not.
    func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: UInt64) -> Int32? {
        guard let start = bytes.baseAddress else { return nil }
        var done = 0
        while done < bytes.count {
            var wanted = bytes.count &- done
            switch faults?.action(.write) ?? .pass {
            case .pass: break
            case .fail(let error): return error
            case .short(let count): wanted = max(1, min(wanted, count))
            }
            guard let position = off_t(exactly: offset &+ UInt64(truncatingIfNeeded: done)) else {
                return EFBIG
            }
            switch retry({ replay_write_at(descriptor, start + done, wanted, Int64(position)) }) {
            case .failure(let error): return error
            case .success(0): return ENOSPC
            case .success(let count): done &+= count
            }
        }
        return nil
    }

    func truncate(_ descriptor: Int32, size: UInt64) -> Int32? {
        if let error = fault(.truncate) { return error }
        return failure(retry { replay_resize(descriptor, Int64(truncatingIfNeeded: size)) })
    }

    /// Syncs a file's data. Errors of files that can't be synced are ignored.
    func sync(_ descriptor: Int32) -> Int32? {
        if let error = fault(.sync) { return error }
        return ignoringUnsyncable(failure(retry { fdatasync(descriptor) }))
    }

    func sync(_ mapping: UnsafeMutableRawPointer, size: Int) -> Int32? {
        if let error = fault(.sync) { return error }
        return ignoringUnsyncable(failure(retry { msync(mapping, size, MS_SYNC) }))
    }

    /// Syncs a folder, so that a new file's name is on the disk. Errors are ignored.
    func syncFolder(_ descriptor: Int32) {
        _ = fsync(descriptor)
    }

    /// Renames within a folder; unless `replacing`, an existing `to` is EEXIST.
    func rename(_ from: String, _ to: String, in folder: Int32, replacing: Bool) -> Int32? {
        if let error = fault(.rename) { return error }
        return failure(
            retry {
                from.withFileName { from in to.withFileName { replay_rename_in(folder, from, $0, replacing) }
                }
            })
    }

    func unlink(_ name: String, in folder: Int32) -> Int32? {
        if let error = fault(.unlink) { return error }
        return failure(retry { name.withFileName { unlinkat(folder, $0, 0) } })
    }

    /// Sets the permission bits. Errors are ignored.
    func setMode(_ descriptor: Int32, _ mode: mode_t) {
        _ = fchmod(descriptor, mode & 0o777)
    }

    /// The path that a symbolic link refers to; any other path unchanged.
    static func resolved(_ path: String) -> String {
        var status = stat()
        guard path.withFileName({ lstat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFLNK,
            let real = path.withFileName({ realpath($0, nil) })
        else { return path }
        defer { free(real) }
        return String(fileName: real)
    }

    /// A monotonic clock.
    static func monotonicTime() -> timespec {
        var now = timespec()
        _ = clock_gettime(CLOCK_MONOTONIC, &now)
        return now
    }

    /// Sleeps for a moment, so that another process can continue.
    static func pause() {
        var time = timespec(tv_sec: 0, tv_nsec: 1_000_000)
        _ = nanosleep(&time, nil)
    }

    /// The system's sentence for an errno.
    static func describe(_ error: Int32) -> String {
        switch error {
        case ENOSPC: return "no space is left on the device"
        case EDQUOT: return "the disk quota is used up"
        case EFBIG: return "the file would exceed the size limit"
        default: return strerror(error).map { String(cString: $0) } ?? "system error \(error)"
        }
    }

    // F_OFD_GETLK and F_OFD_SETLK.
    private static let getLock: Int32 = 36
    private static let setLock: Int32 = 37

    /// Whether a file of that size would exceed RLIMIT_FSIZE.
    func exceedsLimit(size: Int) -> Int32? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { return nil }
        return UInt64(truncatingIfNeeded: size) > UInt64(limit.rlim_cur) ? EFBIG : nil
    }

    private func fault(_ call: Call) -> Int32? {
        guard let faults, case .fail(let error) = faults.action(call) else { return nil }
        return error
    }

    private func ignoringUnsyncable(_ error: Int32?) -> Int32? {
        error == EINVAL || error == EROFS || error == ENOSYS || error == ENOTSUP ? nil : error
    }

    private func failure<Value>(_ result: Result<Value>) -> Int32? {
        if case .failure(let error) = result { return error }
        return nil
    }

    private func retry<Value: SignedInteger>(_ call: () -> Value) -> Result<Value> {
        while true {
            let value = call()
            if value >= 0 { return .success(value) }
            let error = errno
            if error != EINTR { return .failure(error) }
        }
    }
}
