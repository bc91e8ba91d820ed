import CReplay
import Glibc
import ReplayLog
import ReplaySnapshots
import ReplaySystem

/// Receives what a guest writes, so that its image stays unchanged: a sparse file, and the map of what is in it.
///
/// The file has the image's layout. Only where a snapshot needs what was there before, bytes go elsewhere:
/// see ``OverlaySpace`` and Overlay+Versions.swift.
final class Overlay: Sendable {
    struct Content {
        var map = ExtentMap()
        /// From the first version on.
        var space: OverlaySpace?
        var versions: [OverlayVersion.Reference] = []
        /// When there are so many, it is time to forget those that nobody holds.
        var mostVersions = 64
        /// The last one that came from a file, and the map that it had there.
        var loaded: (version: OverlayVersion, origin: ExtentMap)?
    }

    let file: DataFile
    let content = Locked(Content())
    /// The user named the file, so a flush syncs it to the disk, and at the end it has the image's layout.
    let isKept: Bool
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
        case .read: return try patch(request.buffer.bytes, range)
        case .flush: return try sync()
        case .write: try write(request.buffer.readOnly, range, isForced: request.isForced)
        case .zeroes, .discard: try clear(range, isForced: request.isForced)
        }
    }

    // MARK: Writing

    func write(_ bytes: UnsafeRawBufferPointer, _ range: Range<UInt64>, isForced: Bool)
        throws(SystemError)
    {
        var place = try place(for: range)
        do throws(SystemError) { try file.write(bytes, at: place) } catch {
            guard Self.isFull(error), let other = reclaimed(range) else { throw noted(error) }
            place = other
            do throws(SystemError) { try file.write(bytes, at: place) } catch { throw noted(error) }
        }
        try insert(Extent(range: range, place: place), isForced)
    }

    /// The bytes read as zeroes afterwards.
    func clear(_ range: Range<UInt64>, isForced: Bool) throws(SystemError) {
        guard content.withLock({ $0.map.hasRoom }) else { throw .noMemory }
        if content.withLock({ $0.space?.isFree(range) ?? true }) { try makeHole(range) }
        // Not a place in the file, even where there is one: a snapshot would read it.
        try insert(Extent(range: range, place: Extent.zeroes), isForced)
    }

    /// A temporary file needs none: it only saves room there.
    private func makeHole(_ range: Range<UInt64>) throws(SystemError) {
        if !isKept { return file.free(range) }
        do throws(SystemError) { try file.makeHole(range) } catch { throw noted(error) }
    }

    /// Only now: a write that fails must not be read, because a replay doesn't do it.
    private func insert(_ extent: Extent, _ isForced: Bool) throws(SystemError) {
        if isForced { try sync() }
        content.withLock { $0.map.insert(extent) }
    }

    static func isFull(_ error: SystemError) -> Bool {
        [ENOSPC, EDQUOT, EFBIG].contains(error.number)
    }

    private func noted(_ error: SystemError) -> SystemError {
        guard Self.isFull(error) else { return error }
        let isFirst = isFull.withLock { isFull in
            defer { isFull = true }
            return !isFull
        }
        if isFirst { whenFull(error) }
        return error
    }

    /// A temporary file disappears with the process, and needs no sync.
    private func sync() throws(SystemError) { if isKept { try file.sync() } }

    // MARK: Reading

    /// Must the image be asked for this read?
    func covers(_ request: BlockRequest) -> Bool {
        content.withLock { $0.map.covers(request.offset..<request.offset &+ UInt64(request.length)) }
    }

    /// Patches data from the image with what was written since.
    func patch(_ bytes: UnsafeMutableRawBufferPointer, _ range: Range<UInt64>) throws(SystemError) {
        for part in content.withLock({ $0.map.parts(in: range) }) {
            let start = Int(part.range.lowerBound &- range.lowerBound)
            let target = UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + part.range.count])
            if part.isZero {
                target.initializeMemory(as: UInt8.self, repeating: 0)
            } else {
                try file.read(target, at: part.place)
            }
        }
    }
}
