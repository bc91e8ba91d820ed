import CSystem
import Glibc

/// The calls on what is in a file: bytes, length, space, mappings.
extension Syscalls {
    // MARK: Bytes

    /// Reads up to `bytes.count` bytes; fewer only at the file's end.
    package func read(_ descriptor: Int32, into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64)
        -> Result<Int>
    {
        guard let start = bytes.baseAddress, let from = off_t(exactly: offset) else { return .success(0) }
        var done = 0
        while done < bytes.count {
            var wanted = bytes.count &- done
            switch faults?.action(.read) ?? .pass {
            case .pass: break
            case .fail(let error): return .failure(SystemError(error))
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
    package func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: UInt64) -> Result<
        Void
    > {
        guard let start = bytes.baseAddress else { return .success(()) }
        var done = 0
        while done < bytes.count {
            var wanted = bytes.count &- done
            switch faults?.action(.write) ?? .pass {
            case .pass: break
            case .fail(let error): return .failure(SystemError(error))
            case .short(let count): wanted = max(1, min(wanted, count))
            }
            guard let position = off_t(exactly: offset &+ UInt64(truncatingIfNeeded: done)) else {
                return .failure(SystemError(EFBIG))
            }
            switch retry({ replay_write_at(descriptor, start + done, wanted, Int64(position)) }) {
            case .failure(let error): return .failure(error)
            case .success(0): return .failure(SystemError(ENOSPC))
            case .success(let count): done &+= count
            }
        }
        return .success(())
    }

    /// Syncs a file's data.
    ///
    /// - Parameter mayBeUnsyncable: if the file can't be synced, that isn't a failure.
    package func sync(_ descriptor: Int32, mayBeUnsyncable: Bool = true) -> Result<Void> {
        if let error = fault(.sync) { return .failure(error) }
        let result = attempt { fdatasync(descriptor) }
        return mayBeUnsyncable ? ignoringUnsyncable(result) : result
    }

    private func ignoringUnsyncable(_ result: Result<Void>) -> Result<Void> {
        switch result {
        case .failure(EINVAL), .failure(EROFS), .failure(ENOSYS), .failure(ENOTSUP): .success(())
        default: result
        }
    }

    // MARK: Length and space

    /// In bytes. Also works for a block device.
    package func length(_ descriptor: Int32) -> Result<Int64> {
        if let error = fault(.seek) { return .failure(error) }
        return retry { Int64(lseek(descriptor, 0, SEEK_END)) }
    }

    package func truncate(_ descriptor: Int32, size: UInt64) -> Result<Void> {
        if let error = fault(.truncate) { return .failure(error) }
        return attempt { replay_resize(descriptor, Int64(truncatingIfNeeded: size)) }
    }

    /// Reserves space, so that a write into a mapping can't fail.
    package func allocate(_ descriptor: Int32, size: Int) -> Result<Void> {
        if let error = fault(.allocate) ?? exceedsLimit(size: size) { return .failure(error) }
        let error = replay_reserve(descriptor, Int64(size))
        return error == 0 ? .success(()) : .failure(SystemError(error))
    }

    /// Whether a file of that size would exceed RLIMIT_FSIZE.
    package func exceedsLimit(size: Int) -> SystemError? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { return nil }
        return UInt64(truncatingIfNeeded: size) > UInt64(limit.rlim_cur) ? SystemError(EFBIG) : nil
    }

    /// Releases the space of a part of a file, which then reads as zeroes. Not every file system supports it.
    package func makeHole(_ descriptor: Int32, _ range: Range<Int64>) -> Result<Void> {
        if let error = fault(.hole) { return .failure(error) }
        let isMade = replay_make_hole(descriptor, range.lowerBound, range.upperBound &- range.lowerBound)
        return isMade ? .success(()) : .failure(.last)
    }

    // MARK: Mappings

    package func map(_ descriptor: Int32, size: Int) -> Result<UnsafeMutableRawPointer> {
        if let error = fault(.map) { return .failure(error) }
        let mapping = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor, 0)
        guard let mapping, mapping != MAP_FAILED else { return .failure(.last) }
        // It keeps the file open, and so the lock.
        _ = madvise(mapping, size, MADV_DONTFORK)
        return .success(mapping)
    }

    package func unmap(_ mapping: UnsafeMutableRawPointer, size: Int) {
        _ = munmap(mapping, size)
    }

    package func sync(_ mapping: UnsafeMutableRawPointer, size: Int) -> Result<Void> {
        if let error = fault(.sync) { return .failure(error) }
        return ignoringUnsyncable(attempt { msync(mapping, size, MS_SYNC) })
    }
}
