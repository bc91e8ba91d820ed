/// Where each chunk of events stands: the payload of the index chunk, 24 bytes an entry.
struct LogIndex: Equatable {
    struct Entry: Equatable {
        var offset: UInt64
        var firstEvent: UInt64
        var firstIcount: UInt64
    }

    static let entrySize = 24

    var entries: [Entry] = []

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        for entry in entries {
            writer.writeUInt64(entry.offset)
            writer.writeUInt64(entry.firstEvent)
            writer.writeUInt64(entry.firstIcount)
        }
        return writer.bytes
    }

    init() {}

    /// Nil when the entries are not whole, or not in order.
    init?(decoding bytes: UnsafeRawBufferPointer) {
        guard bytes.count % LogIndex.entrySize == 0 else { return nil }
        var reader = ByteReader(bytes)
        entries.reserveCapacity(bytes.count / LogIndex.entrySize)
        while let offset = reader.readUInt64(), let firstEvent = reader.readUInt64(),
            let firstIcount = reader.readUInt64()
        {
            if let last = entries.last {
                guard offset > last.offset, firstEvent > last.firstEvent else { return nil }
            }
            entries.append(Entry(offset: offset, firstEvent: firstEvent, firstIcount: firstIcount))
        }
    }
}
