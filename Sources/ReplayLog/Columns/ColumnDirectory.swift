/// What precedes the columns in a chunk's payload: which there are, and how long each is.
struct ColumnDirectory {
    struct Entry {
        /// Its number by the ``ColumnLayout``.
        var column: Int
        var rawLength: Int
        /// As many bytes as it has: it isn't compressed. Otherwise it is one zstd frame.
        var storedLength: Int
        /// Where it begins in the payload.
        var offset = 0
    }

    var entries: [Entry] = []
    /// The bytes of all columns.
    private(set) var rawLength = 0

    init() {}

    /// The longest encoding of an entry.
    static let longestEntry = 3 * VarInt.maxLength

    mutating func append(_ entry: Entry) {
        entries.append(entry)
        rawLength &+= entry.rawLength
    }

    func length(of column: Int) -> Int {
        entries.first { $0.column == column }?.rawLength ?? 0
    }

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.writeVarInt(UInt64(entries.count))
        var next = 0
        for entry in entries {
            writer.writeVarInt(UInt64(entry.column &- next))
            writer.writeVarInt(UInt64(entry.rawLength))
            writer.writeVarInt(UInt64(entry.storedLength))
            next = entry.column &+ 1
        }
        return writer.bytes
    }

    /// Nil if the payload has no such columns. Zeros may follow them.
    init?(decoding payload: UnsafeRawBufferPointer, _ layout: ColumnLayout) {
        var reader = ByteReader(payload)
        guard let count = reader.readVarInt(), count <= UInt64(layout.columnCount) else { return nil }
        var next: UInt64 = 0
        for _ in 0..<count {
            guard let skipped = reader.readVarInt(), skipped < UInt64(layout.columnCount),
                next &+ skipped < UInt64(layout.columnCount),
                let raw = reader.readVarInt(), raw > 0, raw <= ChunkHeader.longestPayload,
                let stored = reader.readVarInt(), stored > 0, stored <= raw
            else { return nil }
            let column = Int(next &+ skipped)
            append(Entry(column: column, rawLength: Int(raw), storedLength: Int(stored)))
            // Far below the largest number: there are few columns.
            guard UInt64(rawLength) <= ChunkHeader.longestPayload else { return nil }
            next = UInt64(column) &+ 1
        }
        for index in entries.indices {
            entries[index].offset = reader.offset
            guard reader.readBytes(entries[index].storedLength) != nil else { return nil }
        }
        guard reader.skipZeros(to: payload.count) else { return nil }
    }
}
