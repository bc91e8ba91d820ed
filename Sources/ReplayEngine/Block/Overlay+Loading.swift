import ReplayLog
import ReplaySnapshots
import ReplaySystem

/// The content of snapshots that earlier sessions have left.
extension Overlay {
    /// Makes a version of what a disk had in a file of snapshots. The current content stays as it is.
    ///
    /// - Parameters:
    ///   - origin: the parts, with their places there. What the last version that was loaded shares with it isn't
    ///     read again.
    ///   - read: copies bytes from a place there.
    func load(
        _ origin: ExtentMap, diskLength: Int64, least: UInt64 = 64 << 20,
        _ read: (UnsafeMutableRawBufferPointer, UInt64) throws(LogError) -> Void
    ) throws(ReplayError) -> OverlayVersion {
        // Held meanwhile, so that their places aren't used.
        let current = keep(diskLength: diskLength, least: least)
        let loaded = content.withLock { $0.loaded }
        defer { withExtendedLifetime((current, loaded)) {} }
        guard current != nil, let buffer = RawBuffer(count: 1 << 16),
            var changes = origin.changes(since: loaded?.origin ?? ExtentMap())
        else { throw Self.memoryRanOut }
        let base = loaded?.version.map ?? ExtentMap()
        guard let version = content.withLock({ $0.reserve(changes, base, file) }) else {
            throw Self.memoryRanOut
        }
        // So that what the file has in one place is read once.
        changes.changed.sort { $0.place < $1.place }
        do throws(ReplayError) {
            for extent in changes.changed where !extent.isZero {
                try copy(extent, to: version.map, buffer, read)
            }
        } catch {
            // The guest's writes may need the room.
            for extent in changes.changed where !extent.isZero {
                for part in version.map.parts(in: extent.range) { part.stored.map(file.free) }
            }
            throw error
        }
        content.withLock { $0.loaded = (version, origin) }
        return version
    }

    private static var memoryRanOut: ReplayError {
        ReplayError(.noMemory, "memory ran out for the content of a disk")
    }

    /// Copies an extent, whose place is in the other file, to the places that a map has for it.
    private func copy(
        _ extent: Extent, to map: ExtentMap, _ buffer: RawBuffer,
        _ read: (UnsafeMutableRawBufferPointer, UInt64) throws(LogError) -> Void
    ) throws(ReplayError) {
        for target in map.parts(in: extent.range) {
            var done: UInt64 = 0
            while done < UInt64(target.range.count) {
                let count = min(target.range.count - Int(done), buffer.capacity)
                let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<count])
                do throws(LogError) {
                    try read(bytes, extent.clamped(to: target.range).place &+ done)
                } catch {
                    throw ReplayError(error)
                }
                do throws(SystemError) {
                    try file.write(UnsafeRawBufferPointer(bytes), at: target.place &+ done)
                } catch {
                    throw ReplayError(error, "the overlay can't be written", device: "")
                }
                done &+= UInt64(count)
            }
        }
    }
}

extension Overlay.Content {
    /// A version with places for all that has changed, whose bytes are still to be written. Nil: memory ran out.
    fileprivate mutating func reserve(_ changes: ExtentChanges, _ base: ExtentMap, _ file: DataFile)
        -> OverlayVersion?
    {
        for grows in [false, true] {
            if grows { _ = rebuildSpace() }
            var space = space
            var map = base
            for range in changes.removed {
                guard map.hasRoom else { return nil }
                map.remove(range)
            }
            var isComplete = true
            for extent in changes.changed {
                guard map.hasRoom, space?.hasRoom == true else { return nil }
                if extent.isZero {
                    map.insert(extent)
                } else if let place = space?.take(extent.range, self.map, grows: grows) {
                    map.insert(Extent(range: extent.range, place: place))
                } else {
                    isComplete = false
                    break
                }
            }
            if isComplete {
                self.space = space
                return keep(map, file)
            }
        }
        return nil
    }
}
