import CReplay
import CSystem
import Glibc
import ReplayLog

/// A file that is read and written at offsets, completely or with an errno.
final class DataFile: Sendable {
    let descriptor: Int32
    /// While it is open, no other session of this process can use the file for something else.
    private let use: FileUse?

    /// An image: a file or a block device. - Throws: ``SystemError``
    init(path: String, writable: Bool) throws(SystemError) {
        descriptor = try Self.open(path, writable ? O_RDWR : O_RDONLY, mayBeDevice: true)
        use = try Self.begin(writable ? .writableImage : .image, descriptor)
    }

    /// A file that is kept, not emptied yet. Because it will be written, links and recordings are refused.
    init(keeping path: String) throws(SystemError) {
        do throws(SystemError) {
            descriptor = try Self.open(path, O_RDWR | O_CREAT | O_NOFOLLOW, mayBeDevice: false)
        } catch {
            throw error.number == ELOOP ? SystemError(EINVAL, "it is a symbolic link") : error
        }
        use = try Self.begin(.overlay, descriptor)
        // All members are set, so throwing closes the file.
        if isPartOfRecording(descriptor) { throw SystemError(EINVAL, "it is a recording") }
    }

    /// Opens only what can be used, and never blocks, not even for the writer of a pipe.
    private static func open(_ path: String, _ flags: Int32, mayBeDevice: Bool) throws(SystemError) -> Int32 {
        var status = stat()
        // Checked before it is opened, because opening some devices has effects.
        if path.withFileName({ stat($0, &status) }) == 0 { try check(status, mayBeDevice) }
        let fd = retrying { path.withFileName { replay_open_at(AT_FDCWD, $0, flags | O_NONBLOCK, 0o644) } }
        guard fd >= 0 else { throw SystemError(errno) }
        let descriptor = Int32(truncatingIfNeeded: fd)
        do throws(SystemError) {
            guard fstat(descriptor, &status) == 0 else { throw SystemError(errno) }
            try check(status, mayBeDevice)
        } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    private static func check(_ status: stat, _ mayBeDevice: Bool) throws(SystemError) {
        let kind: String
        switch status.st_mode & S_IFMT {
        case S_IFREG: return
        case S_IFBLK where mayBeDevice: return
        case S_IFBLK: kind = "a block device"
        case S_IFDIR: kind = "a folder"
        case S_IFIFO: kind = "a pipe"
        case S_IFSOCK: kind = "a socket"
        case S_IFCHR: kind = "a character device"
        default: kind = "of an unknown kind"
        }
        throw SystemError(
            EINVAL, "it is \(kind), but must be a file\(mayBeDevice ? " or a block device" : "")")
    }

    /// Closes the file if it is in use.
    private static func begin(_ kind: FileUse.Kind, _ descriptor: Int32) throws(SystemError) -> FileUse? {
        let (use, conflict) = FileUse.begin(kind, descriptor)
        guard let conflict else { return use }
        close(descriptor)
        throw SystemError(EINVAL, "it is \(conflict)")
    }

    func empty() throws(SystemError) {
        if replay_resize(descriptor, 0) != 0 { throw SystemError(errno) }
    }

    /// An empty file without a name, which disappears when it is closed.
    init(temporaryIn directory: String) throws(SystemError) {
        let fd = directory.withFileName { replay_open_unnamed($0) }
        guard fd >= 0 else { throw SystemError(errno) }
        descriptor = fd
        use = nil
    }

    deinit {
        use?.end()
        close(descriptor)
    }

    static var temporaryDirectory: String {
        guard let value = getenv("TMPDIR"), value.pointee != 0 else { return "/var/tmp" }
        return String(fileName: value)
    }

    /// In bytes. Also works for a block device.
    var length: Int64 {
        let end = lseek(descriptor, 0, SEEK_END)
        return end < 0 ? -Int64(errno) : Int64(end)
    }

    // Each returns 0 or a negative errno.

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

    /// The same for a sparse file: a hole, if the file system supports it.
    func makeHole(_ range: Range<UInt64>) -> Int32 {
        guard let start = off_t(exactly: range.lowerBound), let end = off_t(exactly: range.upperBound) else {
            return -EFBIG
        }
        if start == end { return 0 }
        // So that reads within the range don't meet the end of the file.
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

/// An errno, possibly with a better sentence than the system's.
struct SystemError: Error {
    let number: Int32
    private let sentence: String?

    init(_ number: Int32, _ sentence: String? = nil) {
        self.number = number
        self.sentence = sentence
    }

    var text: String { sentence ?? String(cString: strerror(number)) }
}
