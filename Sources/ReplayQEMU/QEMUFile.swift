import Glibc
import ReplayLog
import ReplaySystem

/// A log of QEMU's as bytes, of which a window is in memory.
final class QEMUFile {
    let path: String
    /// The file's size when it was opened.
    let size: UInt64
    private let file: OpenFile
    private let system: Syscalls

    init(path: String, system: Syscalls) throws(LogError) {
        file = OpenFile(try system.open(path, O_RDONLY | O_NONBLOCK).orThrow("opened", path), system)
        guard case .success(let status) = system.status(file.descriptor), status.st_mode & S_IFMT == S_IFREG,
            let size = UInt64(exactly: status.st_size)
        else { throw LogError(.notALog, "\(path) is not a regular file") }
        self.path = path
        self.size = size
        self.system = system
    }

    /// Reads up to `target.count` bytes of what the file had when it was opened.
    func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(LogError) -> Int {
        let left = Int(clamping: size &- min(size, offset))
        let part = UnsafeMutableRawBufferPointer(rebasing: target.prefix(left))
        return try system.read(file.descriptor, into: part, at: offset).orThrow("read", path, offset: offset)
    }
}

/// The window: goes through the file once, from any place on.
struct QEMUWindow {
    /// Bytes at once, unless an event is longer.
    static let usualCount = 1 << 18

    /// Nil: there are no bytes.
    private let file: QEMUFile?
    private var buffer = RawBuffer()
    /// The next byte, and the number of bytes after it that are in memory.
    private(set) var place: UnsafeRawPointer
    private(set) var available = 0
    /// Where `place` is in the file.
    private(set) var offset: UInt64

    init(_ file: QEMUFile?, at offset: UInt64) throws(LogError) {
        self.file = file
        self.offset = offset
        guard buffer.reserve(QEMUWindow.usualCount), let start = buffer.start else {
            throw LogError.system(.noMemory, "read", file?.path ?? "")
        }
        place = UnsafeRawPointer(start)
    }

    @inline(__always)
    mutating func advance(_ count: Int) {
        place += count
        available &-= count
        offset &+= UInt64(truncatingIfNeeded: count)
    }

    /// Gets at least `count` bytes into memory. False: the file ends before.
    @inline(never)
    mutating func require(_ count: Int) throws(LogError) -> Bool {
        if count <= available { return true }
        guard let file else { return false }
        // Before memory is reserved for it.
        guard UInt64(truncatingIfNeeded: count) <= file.size &- min(file.size, offset) else { return false }
        let target = max(count, QEMUWindow.usualCount)
        let next = target == buffer.capacity ? buffer : RawBuffer()
        guard next.reserve(target), let start = next.start else {
            throw LogError.system(.noMemory, "read", file.path, offset: offset)
        }
        start.copyMemory(from: place, byteCount: available)
        buffer = next
        place = UnsafeRawPointer(start)
        let rest = UnsafeMutableRawBufferPointer(start: start + available, count: target &- available)
        available &+= try file.read(into: rest, at: offset &+ UInt64(truncatingIfNeeded: available))
        return available >= count
    }
}
