import ReplayLog

/// The payload of a COMMIT record: a snapshot, which exists because of it.
struct CommitPayload {
    static let headSize = 56

    static func size(_ layout: PageLayout) -> Int { headSize &+ 8 &* layout.leafCount }

    var label: SnapshotLabel
    /// The record with the state.
    var state: UInt64
    /// The record with the disks that the guest writes to; 0: there are none.
    var overlay: UInt64

    func encoded(_ table: PageTable, _ layout: PageLayout) -> [UInt8] {
        var writer = ByteWriter()
        writer.writeUInt64(label.id)
        writer.writeUInt64(label.place.icount)
        writer.writeUInt64(label.place.event)
        writer.writeUInt64(label.work)
        writer.writeUInt64(label.isKept ? 1 : 0)
        writer.writeUInt64(state)
        writer.writeUInt64(overlay)
        for index in 0..<layout.leafCount { writer.writeUInt64(table[index]?.reference ?? 0) }
        return writer.bytes
    }

    init(label: SnapshotLabel, state: UInt64, overlay: UInt64) {
        self.label = label
        self.state = state
        self.overlay = overlay
    }

    /// Nil: the bytes aren't a snapshot.
    init?(decoding bytes: UnsafeRawBufferPointer) {
        var reader = ByteReader(bytes)
        guard let id = reader.readUInt64(), let icount = reader.readUInt64(),
            let event = reader.readUInt64(), let work = reader.readUInt64(),
            let flags = reader.readUInt64(), flags <= 1,
            let state = reader.readUInt64(), let overlay = reader.readUInt64()
        else { return nil }
        label = SnapshotLabel(
            id: id, place: SnapshotPlace(icount: icount, event: event), work: work, isKept: flags == 1)
        self.state = state
        self.overlay = overlay
    }

    /// The reference of a leaf; 0: all its pages are as at the start.
    static func leaf(_ index: Int, in bytes: UnsafeRawBufferPointer) -> UInt64? {
        let offset = headSize &+ 8 &* index
        guard offset &+ 8 <= bytes.count else { return nil }
        return UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}
