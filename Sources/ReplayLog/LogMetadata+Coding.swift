extension LogMetadata {
    /// The payload of the metadata chunk.
    func encoded(kinds: KindTable) -> [UInt8] {
        var writer = ByteWriter()
        writer.writeUInt64(createdNs)
        writer.writeUInt32(flags)
        writer.writeUInt8(shift)
        writer.writeVarInt(UInt64(truncatingIfNeeded: fingerprint.count))
        for (key, value) in fingerprint {
            writer.writeCounted(key.utf8)
            writer.writeCounted(value.utf8)
        }
        kinds.write(to: &writer)
        return writer.bytes
    }

    /// Nil when the bytes are no metadata.
    static func decode(_ bytes: UnsafeRawBufferPointer) -> (metadata: LogMetadata, kinds: KindTable)? {
        var reader = ByteReader(bytes)
        guard let createdNs = reader.readUInt64(), let flags = reader.readUInt32(),
            let shift = reader.readUInt8(),
            let pairs = reader.readVarInt()
        else { return nil }
        var fingerprint: [(key: String, value: String)] = []
        var index: UInt64 = 0
        while index < pairs {
            guard let key = reader.readCounted(), let value = reader.readCounted() else { return nil }
            fingerprint.append((String(decoding: key, as: UTF8.self), String(decoding: value, as: UTF8.self)))
            index &+= 1
        }
        guard let kinds = KindTable(reading: &reader), reader.remaining == 0 else { return nil }
        return (
            LogMetadata(fingerprint: fingerprint, createdNs: createdNs, shift: shift, flags: flags), kinds
        )
    }
}
