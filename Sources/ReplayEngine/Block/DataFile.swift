import Glibc
import ReplayLog
import ReplaySystem

/// A file that is read and written at offsets, completely or with a ``SystemError``.
final class DataFile: Sendable {
    private let file: OpenFile
    private let system: Syscalls

    private init(_ descriptor: Int32, _ system: Syscalls) {
        file = OpenFile(descriptor, system)
        self.system = system
    }

    // MARK: Opening

    /// An image: a file or a block device.
    static func image(_ path: String, writable: Bool, _ system: Syscalls) throws(SystemError) -> DataFile {
        let file = try open(path, writable ? O_RDWR : O_RDONLY, mayBeDevice: true, system)
        try file.begin(writable ? .writableImage : .image)
        return file
    }

    /// A file that is kept, not emptied yet. Because it will be written, links and recordings are refused.
    static func kept(_ path: String, _ system: Syscalls) throws(SystemError) -> DataFile {
        let file: DataFile
        do throws(SystemError) {
            file = try open(path, O_RDWR | O_CREAT | O_NOFOLLOW, mayBeDevice: false, system)
        } catch {
            throw error.number == ELOOP ? SystemError(EINVAL, "it is a symbolic link") : error
        }
        try file.begin(.overlay)
        if try isPartOfRecording(file.file, system) { throw SystemError(EINVAL, "it is a recording") }
        return file
    }

    /// An empty file without a name, which disappears when it is closed.
    static func temporary(in folder: String, _ system: Syscalls) throws(SystemError) -> DataFile {
        DataFile(try system.openUnnamed(in: folder).get(), system)
    }

    static var temporaryFolder: String {
        guard let value = getenv("TMPDIR"), value.pointee != 0 else { return "/var/tmp" }
        return String(fileName: value)
    }

    /// Opens only what can be used, and never blocks, not even for the writer of a pipe.
    private static func open(
        _ path: String, _ flags: Int32, mayBeDevice: Bool, _ system: Syscalls
    ) throws(SystemError) -> DataFile {
        // Checked before it is opened, because opening some devices has effects.
        if case .success(let status) = system.status(path: path) { try check(status, mayBeDevice) }
        let opened = system.open(path, flags | O_NONBLOCK, mode: 0o644, survivesFork: true)
        let file = DataFile(try opened.get(), system)
        try check(try system.status(file.file.descriptor).get(), mayBeDevice)
        return file
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

    /// What another session or disk uses already is refused.
    private func begin(_ kind: FileUse.Kind) throws(SystemError) {
        if let conflict = file.begin(kind) { throw SystemError(EINVAL, "it is \(conflict)") }
    }

    // MARK: Content

    /// In bytes. Also works for a block device.
    func length() throws(SystemError) -> Int64 { try system.length(file.descriptor).get() }

    func empty() throws(SystemError) { try truncate(to: 0) }

    func truncate(to size: UInt64) throws(SystemError) {
        try system.truncate(file.descriptor, size: size).get()
    }

    func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemError) {
        let count = try system.read(file.descriptor, into: buffer, at: offset).get()
        // The file has become shorter.
        if count < buffer.count { throw SystemError(EIO) }
    }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemError) {
        try system.write(file.descriptor, buffer, at: offset).get()
    }

    /// The bytes read as zeroes afterwards.
    func writeZeroes(_ range: Range<UInt64>) throws(SystemError) {
        guard let chunk = RawBuffer(count: 1 << 16) else { throw .noMemory }
        var at = range.lowerBound
        while at < range.upperBound {
            let count = Int(min(range.upperBound &- at, UInt64(chunk.capacity)))
            try write(UnsafeRawBufferPointer(rebasing: chunk.readOnly[..<count]), at: at)
            at &+= UInt64(count)
        }
    }

    /// The same for a sparse file: a hole, if the file system supports it.
    func makeHole(_ range: Range<UInt64>) throws(SystemError) {
        guard let start = Int64(exactly: range.lowerBound), let end = Int64(exactly: range.upperBound) else {
            throw SystemError(EFBIG)
        }
        if start == end { return }
        // So that reads within the range don't meet the end of the file.
        if try length() < end { try system.truncate(file.descriptor, size: range.upperBound).get() }
        if case .failure = system.makeHole(file.descriptor, start..<end) { try writeZeroes(range) }
    }

    /// Nobody needs these bytes any more. Does nothing if the file system can't make holes.
    func free(_ range: Range<UInt64>) {
        guard let start = Int64(exactly: range.lowerBound), let end = Int64(exactly: range.upperBound) else {
            return
        }
        _ = system.makeHole(file.descriptor, start..<end)
    }

    func sync() throws(SystemError) {
        try system.sync(file.descriptor, mayBeUnsyncable: false).get()
    }
}
