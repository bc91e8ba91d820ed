import ReplayLog
import ReplaySystem

/// Writes the disks of snapshots to a file: each time what the guest has written since the last one.
final class DiskWriter {
    /// The last one in the file. Because its version is held, no place that it names was used again since.
    private struct Written {
        var version: any DiskVersion
        /// The same content, at places of the file.
        var map: ExtentMap
        /// The chunks of this map that the file has. None has changed since, because the map holds them.
        var chunks: [UnsafeRawPointer?: UInt64] = [:]
    }

    private unowned let file: SnapshotFileWriter
    private var disks: [UInt64: Written] = [:]
    /// The places of clusters, by what they contain.
    private var known: [PageHash: UInt64] = [:]
    private static let mostKnown = 1 << 16
    /// What is compared as a whole.
    private static let cluster = 4096
    /// Bytes of the disk.
    private let source = RawBuffer()
    /// The next CLUSTERS record.
    private let clusters = RawBuffer()
    private var filled = 0

    init(_ file: SnapshotFileWriter) {
        self.file = file
    }

    /// Writes all that precedes the OVERLAY record, and returns its payload.
    func write(_ states: [DiskState]) throws(LogError) -> [UInt8] {
        guard source.reserve(DiskPlace.longestPayload), clusters.reserve(DiskPlace.longestPayload) else {
            throw file.memoryRanOut
        }
        var list: [OverlayPayload.Disk] = []
        var bytes = 0
        for state in states {
            let chunks = try write(state)
            list.append(OverlayPayload.Disk(number: state.number, length: state.length, chunks: chunks))
            bytes &+= 32 &+ 8 &* chunks.count
        }
        // The array doubles its size as it grows.
        guard CheckedMemory.has(3 &* bytes) else { throw file.memoryRanOut }
        return OverlayPayload.encoded(list)
    }

    /// - Returns: references to the chunks of the disk's map.
    private func write(_ state: DiskState) throws(LogError) -> [UInt64] {
        let last = disks[state.number]
        var map = last?.map ?? ExtentMap()
        guard let changes = state.version.map.changes(since: last?.version.map ?? ExtentMap()) else {
            throw file.memoryRanOut
        }
        for range in changes.removed {
            guard map.hasRoom else { throw file.memoryRanOut }
            map.remove(range)
        }
        for extent in changes.changed { try write(extent, of: state.version, to: &map) }
        try flush()
        var written = Written(version: state.version, map: map)
        let references = try writeChunks(&written, last)
        guard CheckedMemory.has(128 &* (disks.count &+ 16)) else { throw file.memoryRanOut }
        disks[state.number] = written
        return references
    }

    // MARK: Clusters

    private func write(_ extent: Extent, of version: any DiskVersion, to map: inout ExtentMap)
        throws(LogError)
    {
        var rest = extent
        while !rest.range.isEmpty {
            guard map.hasRoom else { throw file.memoryRanOut }
            if rest.isZero { return map.insert(rest) }
            let start = rest.range.lowerBound
            let count = min(rest.range.count, DiskPlace.longestPayload)
            let bytes = UnsafeMutableRawBufferPointer(rebasing: source.bytes[..<count])
            do throws(SystemError) { try version.read(bytes, at: rest.place) } catch {
                throw LogError(
                    .system(error.number), "what the guest has written to a disk can't be read: \(error)")
            }
            try add(UnsafeRawBufferPointer(bytes), start, to: &map)
            rest = rest.clamped(to: start &+ UInt64(count)..<rest.range.upperBound)
        }
    }

    /// Bytes of the disk, cut where its clusters begin.
    private func add(_ bytes: UnsafeRawBufferPointer, _ start: UInt64, to map: inout ExtentMap)
        throws(LogError)
    {
        var done = 0
        while done < bytes.count {
            let place = start &+ UInt64(done)
            let rest = Self.cluster &- Int(place % UInt64(Self.cluster))
            let count = min(rest, bytes.count &- done)
            let piece = UnsafeRawBufferPointer(rebasing: bytes[done..<done &+ count])
            guard map.hasRoom else { throw file.memoryRanOut }
            map.insert(Extent(range: place..<place &+ UInt64(count), place: try store(piece)))
            done &+= count
        }
    }

    /// The place of these bytes in the file.
    private func store(_ piece: UnsafeRawBufferPointer) throws(LogError) -> UInt64 {
        if PageContent.isZero(piece) { return Extent.zeroes }
        let hash = piece.count == Self.cluster ? PageHash(piece) : nil
        if let hash, let place = known[hash] { return place }
        if filled &+ piece.count > clusters.capacity { try flush() }
        let place = DiskPlace.place(file.nextSequence, filled)
        UnsafeMutableRawBufferPointer(rebasing: clusters.bytes[filled..<filled &+ piece.count])
            .copyMemory(from: piece)
        filled &+= piece.count
        if let hash, hasRoomForHash { known[hash] = place }
        return place
    }

    private var hasRoomForHash: Bool {
        if known.count >= Self.mostKnown { known.removeAll(keepingCapacity: true) }
        return known.count < known.capacity || CheckedMemory.has(128 &* (known.count &+ 16))
    }

    private func flush() throws(LogError) {
        guard filled > 0 else { return }
        guard file.nextSequence <= DiskPlace.lastSequence else {
            throw LogError(.tooLarge, "\(file.path) has no room for what the guest has written to a disk")
        }
        try file.put(
            .clusters, [], UnsafeRawBufferPointer(rebasing: clusters.readOnly[..<filled]), compress: true)
        filled = 0
    }

    // MARK: The map

    private func writeChunks(_ written: inout Written, _ last: Written?) throws(LogError) -> [UInt64] {
        let chunks = written.map.chunks
        guard CheckedMemory.has(128 &* (chunks.count &+ 1)) else { throw file.memoryRanOut }
        let fresh = chunks.filter { last?.chunks[ExtentMap.identity(of: $0)] == nil }
        var first = 0
        while first < fresh.count {
            let end = min(first &+ ExtentsPayload.most, fresh.count)
            let record = file.nextSequence
            guard CheckedMemory.has(3 &* ExtentsPayload.longest) else { throw file.memoryRanOut }
            try file.put(.extents, ExtentsPayload.encoded(Array(fresh[first..<end])), compress: true)
            for (number, chunk) in fresh[first..<end].enumerated() {
                written.chunks[ExtentMap.identity(of: chunk)] =
                    FileReference(sequence: record, member: number).bits
            }
            first = end
        }
        return chunks.map { chunk in
            let identity = ExtentMap.identity(of: chunk)
            let reference = written.chunks[identity] ?? last?.chunks[identity] ?? 0
            written.chunks[identity] = reference
            return reference
        }
    }
}
