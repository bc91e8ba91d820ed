import ReplayLog
import ReplaySystem

/// The records of a file, found by their headers. Their payloads are read, and checked, when they are needed.
final class RecordIndex {
    struct Entry {
        var header: RecordHeader
        /// Of the payload.
        var offset: UInt64
        /// Its payload was read and was right, and so was what it refers to.
        var isChecked = false
        /// Of a PAGES record that was read.
        var shape: GroupShape?
    }

    let file: OpenFile
    let path: String
    let header: SnapshotFileHeader
    let layout: PageLayout
    private let system: Syscalls
    private let storeChecksum: UInt64
    /// In the order of their sequence numbers.
    private(set) var entries: [Entry] = []
    /// The end of the last whole record.
    private(set) var end: UInt64
    /// Where the search for the next record goes on, if damage follows the last one.
    private var searched: UInt64
    /// Some bytes between records aren't one.
    private(set) var hasDamage = false
    private let stored = RawBuffer()
    private let raw = RawBuffer()
    private let decompressor: Decompressor

    init(_ file: OpenFile, path: String, header: SnapshotFileHeader, layout: PageLayout, system: Syscalls)
        throws(LogError)
    {
        guard let decompressor = Decompressor() else { throw LogError.system(.noMemory, "read", path) }
        self.decompressor = decompressor
        self.file = file
        self.path = path
        self.header = header
        self.layout = layout
        self.system = system
        storeChecksum = header.checksum
        end = UInt64(truncatingIfNeeded: header.size)
        searched = end
    }

    /// Finds the records that were added since the last call, and returns how many.
    func scan() throws(LogError) -> Int {
        let length = try system.length(file.descriptor).orThrow("read", path)
        let size = UInt64(max(length, 0))
        let before = entries.count
        while let (offset, header) = try nextRecord(size) {
            guard offset &+ recordLength(header) <= size else { break }
            guard entries.makeRoom() else { throw LogError.system(.noMemory, "read", path) }
            entries.append(Entry(header: header, offset: offset &+ UInt64(RecordHeader.size)))
            end = offset &+ recordLength(header)
            searched = end
        }
        return entries.count &- before
    }

    private func recordLength(_ header: RecordHeader) -> UInt64 {
        UInt64(RecordHeader.size) &+ UInt64(header.storedLength)
    }

    /// Where the next record begins: at the end of the last one, or after some damage.
    private func nextRecord(_ size: UInt64) throws(LogError) -> (offset: UInt64, header: RecordHeader)? {
        let least = UInt64(RecordHeader.size)
        guard searched &+ least <= size else { return nil }
        if let header = try readHeader(at: searched) { return (searched, header) }
        hasDamage = true
        guard stored.reserve(RecordIndex.searchLength) else { throw LogError.system(.noMemory, "read", path) }
        while searched &+ least <= size, searched &- end <= RecordIndex.mostDamage {
            let read = try system.read(file.descriptor, into: stored.bytes, at: searched).orThrow(
                "read", path)
            guard read >= RecordHeader.size else { return nil }
            let found = stored.readOnly
            for offset in 0...(read &- RecordHeader.size) where found[offset] == RecordHeader.magic[0] {
                let bytes = UnsafeRawBufferPointer(rebasing: found[offset..<offset &+ RecordHeader.size])
                if let header = usable(bytes) {
                    searched &+= UInt64(truncatingIfNeeded: offset)
                    return (searched, header)
                }
            }
            searched &+= UInt64(truncatingIfNeeded: read &- RecordHeader.size &+ 1)
        }
        return nil
    }

    private static let searchLength = 1 << 16
    /// Records after more damage than this aren't found, so that a file of any size is searched in about a second.
    private static let mostDamage: UInt64 = 1 << 28

    private func readHeader(at offset: UInt64) throws(LogError) -> RecordHeader? {
        guard stored.reserve(RecordHeader.size) else { throw LogError.system(.noMemory, "read", path) }
        let bytes = UnsafeMutableRawBufferPointer(rebasing: stored.bytes[..<RecordHeader.size])
        let count = try system.read(file.descriptor, into: bytes, at: offset).orThrow("read", path)
        return count == RecordHeader.size ? usable(UnsafeRawBufferPointer(bytes)) : nil
    }

    /// A header of this store that may follow the last record.
    private func usable(_ bytes: UnsafeRawBufferPointer) -> RecordHeader? {
        guard let header = RecordHeader(decoding: bytes), header.store == storeChecksum,
            header.isWithinLimits(layout), header.sequence > entries.last?.header.sequence ?? 0
        else { return nil }
        return header
    }

    // MARK: Records

    /// The place of a record in ``entries``; nil: there is none of that kind before `limit`.
    func find(_ sequence: UInt64, _ kind: RecordHeader.Kind, before limit: UInt64) -> Int? {
        guard sequence < limit else { return nil }
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low &+ high) / 2
            if entries[middle].header.sequence < sequence { low = middle &+ 1 } else { high = middle }
        }
        guard low < entries.count, entries[low].header.sequence == sequence,
            entries[low].header.kind == kind
        else { return nil }
        return low
    }

    /// A record's payload, checked and decompressed. Valid until the next call.
    func payload(_ index: Int) throws(LogError) -> UnsafeRawBufferPointer {
        let entry = entries[index]
        let count = Int(entry.header.storedLength)
        guard stored.reserve(count) else { throw LogError.system(.noMemory, "read", path) }
        let bytes = UnsafeMutableRawBufferPointer(rebasing: stored.bytes[..<count])
        let read = try system.read(file.descriptor, into: bytes, at: entry.offset).orThrow("read", path)
        guard read == count, Checksum.xxh3(UnsafeRawBufferPointer(bytes)) == entry.header.payloadChecksum
        else { throw damage(index) }
        guard entry.header.codec == .zstd else { return UnsafeRawBufferPointer(bytes) }
        let length = Int(entry.header.rawLength)
        guard raw.reserve(length) else { throw LogError.system(.noMemory, "read", path) }
        let target = UnsafeMutableRawBufferPointer(rebasing: raw.bytes[..<length])
        guard decompressor.decompress(UnsafeRawBufferPointer(bytes), into: target) else {
            throw damage(index)
        }
        return UnsafeRawBufferPointer(target)
    }

    func decompress(_ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Bool {
        decompressor.decompress(bytes, into: target)
    }

    /// The error for a record that isn't what it must be.
    func damage(_ index: Int) -> LogError {
        let header = entries[index].header
        return LogError(
            .damaged, "\(path) is damaged in record \(header.sequence) (\(header.kind))",
            offset: entries[index].offset)
    }

    func note(_ shape: GroupShape, _ index: Int) { entries[index].shape = shape }

    func noteChecked(_ index: Int) { entries[index].isChecked = true }
}
