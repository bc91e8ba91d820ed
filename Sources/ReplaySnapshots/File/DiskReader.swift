import ReplayLog
import ReplaySystem

/// Reads the disks of snapshots from a file.
final class DiskReader {
    private let index: RecordIndex
    /// Chunks of maps that were read, by their references, so that the maps of two snapshots share what is the same.
    private var chunks: [UInt64: [Extent]] = [:]
    private static let mostChunks = 4096
    /// The CLUSTERS record that was read last.
    private let clusters = RawBuffer()
    private var current: (entry: Int, count: Int)?

    init(_ index: RecordIndex) {
        self.index = index
    }

    /// The disks of an OVERLAY record. They are sound, with all that they refer to.
    func disks(_ overlay: Int) throws(LogError) -> [FileDisk] {
        guard let list = OverlayPayload.decode(try index.payload(overlay)) else {
            throw index.damage(overlay)
        }
        var disks: [FileDisk] = []
        for disk in list {
            guard disks.makeRoom(), CheckedMemory.has(8 &* disk.chunks.count) else { throw memoryRanOut }
            var chunks: [[Extent]] = []
            var end: UInt64 = 0
            for bits in disk.chunks {
                let chunk = try chunk(bits, overlay)
                guard let first = chunk.first, let last = chunk.last, first.range.lowerBound >= end,
                    last.range.upperBound <= disk.length
                else { throw index.damage(overlay) }
                end = last.range.upperBound
                chunks.append(chunk)
            }
            disks.append(
                FileDisk(number: disk.number, length: disk.length, map: ExtentMap(chunks: chunks)))
        }
        return disks
    }

    private var memoryRanOut: LogError { LogError.system(.noMemory, "read", index.path) }

    private func chunk(_ bits: UInt64, _ overlay: Int) throws(LogError) -> [Extent] {
        let limit = index.entries[overlay].header.sequence
        guard case .member(let sequence, let number)? = FileReference(bits: bits).target,
            let entry = index.find(sequence, .extents, before: limit)
        else { throw index.damage(overlay) }
        if let known = chunks[bits] { return known }
        guard let chunk = ExtentsPayload.chunk(number, in: try index.payload(entry)) else {
            throw index.damage(entry)
        }
        for extent in chunk { try check(extent, entry) }
        if chunks.count >= Self.mostChunks { chunks.removeAll() }
        guard CheckedMemory.has(64 &* (chunks.count &+ 16)) else { throw memoryRanOut }
        chunks[bits] = chunk
        return chunk
    }

    /// Are the bytes of an extent, which a record names, in the file?
    private func check(_ extent: Extent, _ entry: Int) throws(LogError) {
        if extent.isZero { return }
        let limit = index.entries[entry].header.sequence
        let (start, count) = (DiskPlace.offset(of: extent.place), extent.range.count)
        guard let found = index.find(DiskPlace.sequence(of: extent.place), .clusters, before: limit) else {
            throw index.damage(entry)
        }
        let length = Int(index.entries[found].header.rawLength)
        guard count <= length, start <= length &- count else { throw index.damage(entry) }
        if index.entries[found].isChecked { return }
        _ = try index.payload(found)
        index.noteChecked(found)
    }

    /// Copies bytes of a disk from a place of its map.
    func load(_ place: UInt64, into target: UnsafeMutableRawBufferPointer) throws(LogError) {
        guard let entry = index.find(DiskPlace.sequence(of: place), .clusters, before: UInt64.max) else {
            throw LogError(.damaged, "\(index.path) refers to disk content that it doesn't have")
        }
        if current?.entry != entry {
            let payload = try index.payload(entry)
            current = nil
            guard clusters.reserve(payload.count) else { throw memoryRanOut }
            UnsafeMutableRawBufferPointer(rebasing: clusters.bytes[..<payload.count])
                .copyMemory(from: payload)
            current = (entry, payload.count)
        }
        let start = DiskPlace.offset(of: place)
        guard let current, target.count <= current.count, start <= current.count &- target.count else {
            throw index.damage(entry)
        }
        target.copyMemory(
            from: UnsafeRawBufferPointer(rebasing: clusters.readOnly[start..<start &+ target.count]))
    }
}
