import CReplay
import Glibc
import ReplayLog

/// Receives what a guest writes, so that its image stays unchanged: a sparse file with
/// the image's layout, and the set of bytes that were written.
final class Overlay: Sendable {
    private let file: DataFile
    private let written = Locked(RangeSet())
    /// The user named the file, so a flush syncs it to the disk.
    private let isKept: Bool
    /// Called once, with an errno, when the file can't grow.
    private let whenFull: @Sendable (Int32) -> Void
    private let isFull = Locked(false)

    init(_ file: DataFile, isKept: Bool, whenFull: @escaping @Sendable (Int32) -> Void) {
        self.file = file
        self.isKept = isKept
        self.whenFull = whenFull
    }

    /// Applies the overlay to a request. - Returns: 0 or a negative errno.
    func perform(_ request: BlockRequest) -> Int32 {
        let range = request.offset..<request.offset &+ UInt64(request.length)
        let result: Int32
        guard request.operation == .read || written.withLock({ $0.makeRoom() }) else { return -ENOMEM }
        switch request.operation {
        case .read: return patch(request)
        case .write: result = file.write(UnsafeRawBufferPointer(request.buffer), at: request.offset)
        case .zeroes, .discard: result = file.makeHole(range)
        case .flush: return sync()
        }
        guard result >= 0 else {
            note(failure: -result)
            return result
        }
        written.withLock { $0.insert(range) }
        return request.flags & UInt32(REPLAY_BLOCK_FUA) != 0 ? sync() : 0
    }

    private func note(failure error: Int32) {
        guard error == ENOSPC || error == EDQUOT || error == EFBIG else { return }
        let isFirst = isFull.withLock { isFull in
            defer { isFull = true }
            return !isFull
        }
        if isFirst { whenFull(error) }
    }

    /// A temporary file disappears with the process, and needs no sync.
    private func sync() -> Int32 { isKept ? file.sync() : 0 }

    /// Must the image be asked for this read?
    func covers(_ request: BlockRequest) -> Bool {
        written.withLock { $0.covers(request.offset..<request.offset &+ UInt64(request.length)) }
    }

    /// Patches data from the image with what was written since.
    private func patch(_ request: BlockRequest) -> Int32 {
        let range = request.offset..<request.offset &+ UInt64(request.length)
        for part in written.withLock({ $0.parts(in: range) }) {
            let start = Int(part.lowerBound &- request.offset)
            let bytes = UnsafeMutableRawBufferPointer(rebasing: request.buffer[start..<start + part.count])
            let result = file.read(bytes, at: part.lowerBound)
            if result < 0 { return result }
        }
        return 0
    }
}
