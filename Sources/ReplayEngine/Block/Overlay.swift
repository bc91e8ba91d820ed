import Glibc
import ReplaySystem

/// Receives what a guest writes, so that its image stays unchanged: a sparse file with
/// the image's layout, and the set of bytes that were written.
final class Overlay: Sendable {
    private let file: DataFile
    private let written = Locked(RangeSet())
    /// The user named the file, so a flush syncs it to the disk.
    private let isKept: Bool
    /// Called once, when the file can't grow.
    private let whenFull: @Sendable (SystemError) -> Void
    private let isFull = Locked(false)

    init(_ file: DataFile, isKept: Bool, whenFull: @escaping @Sendable (SystemError) -> Void) {
        self.file = file
        self.isKept = isKept
        self.whenFull = whenFull
    }

    /// Does the overlay's part of a request.
    func perform(_ request: BlockRequest) throws(SystemError) {
        let range = request.offset..<request.offset &+ UInt64(request.length)
        switch request.operation {
        case .read: return try patch(request)
        case .flush: return try sync()
        case .write, .zeroes, .discard: break
        }
        guard written.withLock({ $0.makeRoom() }) else { throw .noMemory }
        do throws(SystemError) {
            if request.operation == .write {
                try file.write(request.buffer.readOnly, at: request.offset)
            } else {
                try file.makeHole(range)
            }
        } catch {
            note(error)
            throw error
        }
        // Only now: a write that fails must not be read, because a replay doesn't do it.
        if request.isForced { try sync() }
        written.withLock { $0.insert(range) }
    }

    private func note(_ error: SystemError) {
        guard [ENOSPC, EDQUOT, EFBIG].contains(error.number) else { return }
        let isFirst = isFull.withLock { isFull in
            defer { isFull = true }
            return !isFull
        }
        if isFirst { whenFull(error) }
    }

    /// A temporary file disappears with the process, and needs no sync.
    private func sync() throws(SystemError) { if isKept { try file.sync() } }

    /// Must the image be asked for this read?
    func covers(_ request: BlockRequest) -> Bool {
        written.withLock { $0.covers(request.offset..<request.offset &+ UInt64(request.length)) }
    }

    /// Patches data from the image with what was written since.
    private func patch(_ request: BlockRequest) throws(SystemError) {
        let range = request.offset..<request.offset &+ UInt64(request.length)
        for part in written.withLock({ $0.parts(in: range) }) {
            let start = Int(part.lowerBound &- request.offset)
            let target = request.buffer.bytes[start..<start + part.count]
            try file.read(UnsafeMutableRawBufferPointer(rebasing: target), at: part.lowerBound)
        }
    }
}
