import CReplay
import CSystem
import Glibc

/// A file that is read and written at offsets, whole or with an errno.
final class DataFile: Sendable {
    let descriptor: Int32

    /// An image. - Throws: ``SystemError``
    init(path: String, writable: Bool) throws(SystemError) {
        let fd = Self.retrying { replay_open_at(AT_FDCWD, path, writable ? O_RDWR : O_RDONLY, 0) }
        guard fd >= 0 else { throw SystemError(errno) }
        descriptor = Int32(truncatingIfNeeded: fd)
    }

    /// A file that is kept, not yet emptied.
    init(keeping path: String) throws(SystemError) {
        let fd = Self.retrying { replay_open_at(AT_FDCWD, path, O_RDWR | O_CREAT, 0o644) }
        guard fd >= 0 else { throw SystemError(errno) }
        descriptor = Int32(truncatingIfNeeded: fd)
    }

    func empty() throws(SystemError) {
        if replay_resize(descriptor, 0) != 0 { throw SystemError(errno) }
    }

    /// Is it the same file under whatever name?
    func isSame(as other: DataFile) -> Bool {
        var (mine, others) = (stat(), stat())
        guard fstat(descriptor, &mine) == 0, fstat(other.descriptor, &others) == 0 else { return false }
        return mine.st_dev == others.st_dev && mine.st_ino == others.st_ino
    }

    /// An empty file without a name, gone when it is closed.
    init(temporaryIn directory: String) throws(SystemError) {
        let fd = replay_open_unnamed(directory)
        guard fd >= 0 else { throw SystemError(errno) }
        descriptor = fd
    }

    deinit { close(descriptor) }

    static var temporaryDirectory: String {
        guard let value = getenv("TMPDIR"), value.pointee != 0 else { return "/var/tmp" }
        return String(cString: value)
    }

    /// In bytes; a block device has its end there too.
    var length: Int64 {
        let end = lseek(descriptor, 0, SEEK_END)
        return end < 0 ? -Int64(errno) : Int64(end)
    }

    // Each answers 0 or a negative errno.

    func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Int32 {
        transfer(UnsafeMutableRawBufferPointer(buffer), offset) { pread(descriptor, $0, $1, $2) }
    }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) -> Int32 {
        transfer(UnsafeMutableRawBufferPointer(mutating: buffer), offset) {
            replay_write_at(descriptor, $0, $1, Int64($2))
        }
    }

    private func transfer(
        _ buffer: UnsafeMutableRawBufferPointer, _ offset: UInt64,
        _ call: (UnsafeMutableRawPointer, Int, off_t) -> Int
    ) -> Int32 {
        guard let base = buffer.baseAddress else { return 0 }
        guard let start = off_t(exactly: offset) else { return -EFBIG }
        var done = 0
        while done < buffer.count {
            let count = Self.retrying { call(base + done, buffer.count - done, start &+ off_t(done)) }
            if count < 0 { return -errno }
            if count == 0 { return -EIO }
            done += count
        }
        return 0
    }

    /// The bytes read as zeroes afterwards.
    func writeZeroes(_ range: Range<UInt64>) -> Int32 {
        guard let chunk = Payload(count: 1 << 16) else { return -ENOMEM }
        var at = range.lowerBound
        while at < range.upperBound {
            let count = Int(min(range.upperBound &- at, UInt64(chunk.bytes.count)))
            let result = write(UnsafeRawBufferPointer(rebasing: chunk.readOnly[..<count]), at: at)
            if result < 0 { return result }
            at &+= UInt64(count)
        }
        return 0
    }

    /// The same for a sparse file: a hole, where the file system has such.
    func makeHole(_ range: Range<UInt64>) -> Int32 {
        guard let start = off_t(exactly: range.lowerBound), let end = off_t(exactly: range.upperBound) else {
            return -EFBIG
        }
        if start == end { return 0 }
        // Reads find no end of the file within the range.
        if length < end, replay_resize(descriptor, Int64(end)) < 0 { return -errno }
        return replay_make_hole(descriptor, Int64(start), Int64(end - start)) ? 0 : writeZeroes(range)
    }

    func sync() -> Int32 { Self.retrying { Int(fdatasync(descriptor)) } < 0 ? -errno : 0 }

    private static func retrying(_ call: () -> some BinaryInteger) -> Int {
        while true {
            let result = Int(call())
            if result != -1 || errno != EINTR { return result }
        }
    }
}

/// An errno.
struct SystemError: Error {
    let number: Int32
    init(_ number: Int32) { self.number = number }
    var text: String { String(cString: strerror(number)) }
}
