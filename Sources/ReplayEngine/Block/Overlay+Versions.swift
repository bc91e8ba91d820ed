import Glibc
import ReplaySnapshots
import ReplaySystem

/// What an overlay had when a snapshot was taken. It lasts as long as somebody holds it.
final class OverlayVersion: DiskVersion {
    let map: ExtentMap
    private let file: DataFile

    init(_ map: ExtentMap, _ file: DataFile) { (self.map, self.file) = (map, file) }

    func read(_ target: UnsafeMutableRawBufferPointer, at place: UInt64) throws(SystemError) {
        try file.read(target, at: place)
    }

    struct Reference {
        weak var version: OverlayVersion?
    }
}

extension Overlay {
    /// The content as it is now: from now on nothing of it is overwritten. Nil: memory ran out.
    ///
    /// - Parameter least: so many bytes the file may grow before unused places are looked for.
    func keep(diskLength: Int64, least: UInt64 = 64 << 20) -> OverlayVersion? {
        content.withLock { content in
            if content.space == nil {
                let length = UInt64(max(diskLength, 0))
                content.space = OverlaySpace(content.map, diskLength: length, least: least)
            }
            return content.keep(content.map, file)
        }
    }

    /// The content is that of a version again.
    func adopt(_ version: OverlayVersion) {
        content.withLock { content in
            content.map = version.map
            content.space?.returnToFrozen()
        }
    }

    // MARK: Places

    /// Where bytes of the disk go.
    func place(for range: Range<UInt64>) throws(SystemError) -> UInt64 {
        let place: UInt64? = content.withLock { content in
            guard content.map.hasRoom, content.space?.hasRoom ?? true else { return nil }
            return content.place(for: range)
        }
        guard let place else { throw .noMemory }
        return place
    }

    /// The disk of the file is full: a place to which nothing refers any more.
    func reclaimed(_ range: Range<UInt64>) -> UInt64? {
        let end = UInt64(max((try? file.length()) ?? 0, 0))
        return content.withLock { content in
            content.loaded = nil  // it only saves reading
            guard content.rebuildSpace() else { return nil }
            content.space?.forEachGap(before: end, file.free)
            return content.place(for: range)
        }
    }

    // MARK: The end

    /// Gives a kept file the image's layout, with the current content. To be called before it is closed.
    func finish() throws(SystemError) {
        let (map, space) = content.withLock { ($0.map, $0.space) }
        guard isKept, let space else { return }
        try clear(space.inPlace, except: map)
        guard let buffer = RawBuffer(count: 1 << 16) else { throw .noMemory }
        for chunk in map.chunks {
            for extent in chunk where extent.place != extent.range.lowerBound {
                if extent.isZero { try file.makeHole(extent.range) } else { try move(extent, buffer) }
            }
        }
        try file.truncate(to: map.upperBound)
        try file.sync()
    }

    /// What an abandoned course has written.
    private func clear(_ written: RangeSet, except map: ExtentMap) throws(SystemError) {
        for range in written.ranges {
            var place = range.lowerBound
            for part in map.parts(in: range) {
                if part.range.lowerBound > place { try file.makeHole(place..<part.range.lowerBound) }
                place = part.range.upperBound
            }
            if range.upperBound > place { try file.makeHole(place..<range.upperBound) }
        }
    }

    private func move(_ extent: Extent, _ buffer: RawBuffer) throws(SystemError) {
        var done: UInt64 = 0
        while done < UInt64(extent.range.count) {
            let count = Int(min(UInt64(extent.range.count) &- done, UInt64(buffer.capacity)))
            let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<count])
            try file.read(bytes, at: extent.place &+ done)
            try file.write(UnsafeRawBufferPointer(bytes), at: extent.range.lowerBound &+ done)
            done &+= UInt64(count)
        }
    }
}

extension Overlay.Content {
    /// From now on nothing of this map is overwritten. Nil: memory ran out.
    mutating func keep(_ map: ExtentMap, _ file: DataFile) -> OverlayVersion? {
        guard space != nil, versions.makeRoom() else { return nil }
        if versions.count >= mostVersions {
            versions.removeAll { $0.version == nil }
            mostVersions = 2 &* versions.count &+ 64
        }
        let version = OverlayVersion(map, file)
        versions.append(OverlayVersion.Reference(version: version))
        space?.freeze()
        return version
    }

    /// Where bytes of the disk go.
    fileprivate mutating func place(for range: Range<UInt64>) -> UInt64? {
        guard space != nil else { return range.lowerBound }
        if let place = space?.take(range, map, grows: false) { return place }
        _ = rebuildSpace()
        return space?.take(range, map, grows: true)
    }

    /// False: memory ran out, or there is nothing to find.
    mutating func rebuildSpace() -> Bool {
        versions.removeAll { $0.version == nil }
        return space?.rebuild(versions.compactMap { $0.version?.map }, map) ?? false
    }
}
