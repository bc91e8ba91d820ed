/// The place of each chunk of events, and of each gap: the payload of the index chunk, 32 bytes an entry (24 in format 1).
struct LogIndex: Equatable {
    struct Entry: Equatable {
        var offset: UInt64
        var firstEvent: UInt64
        var firstIcount: UInt64
        /// The checksum of the chunk's header; nil in format 1.
        var checksum: UInt64?
    }

    static func entrySize(version: UInt32) -> Int { version == 1 ? 24 : 32 }

    var entries: [Entry] = []

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        for entry in entries {
            writer.writeUInt64(entry.offset)
            writer.writeUInt64(entry.firstEvent)
            writer.writeUInt64(entry.firstIcount)
            if let checksum = entry.checksum { writer.writeUInt64(checksum) }
        }
        return writer.bytes
    }

    init() {}

    /// Nil if an entry is incomplete, or if they aren't in order.
    init?(decoding bytes: UnsafeRawBufferPointer, version: UInt32) {
        let size = LogIndex.entrySize(version: version)
        guard bytes.count % size == 0 else { return nil }
        var reader = ByteReader(bytes)
        entries.reserveCapacity(bytes.count / size)
        while let offset = reader.readUInt64(), let firstEvent = reader.readUInt64(),
            let firstIcount = reader.readUInt64()
        {
            var checksum: UInt64?
            if version != 1 {
                guard let value = reader.readUInt64() else { return nil }
                checksum = value
            }
            if let last = entries.last {
                guard offset > last.offset, firstEvent >= last.firstEvent else { return nil }
            }
            entries.append(
                Entry(offset: offset, firstEvent: firstEvent, firstIcount: firstIcount, checksum: checksum))
        }
    }
}
