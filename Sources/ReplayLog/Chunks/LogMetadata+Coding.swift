import ReplaySystem

extension LogMetadata {
    /// The longest payload of a metadata chunk.
    package static let longestEncoding = 1 << 24
    /// The largest number of pairs in a fingerprint.
    package static let mostPairs = 4096

    /// The largest size of a pair.
    package static func size(ofPair key: ByteText, _ value: ByteText) -> Int {
        key.bytes.count &+ value.bytes.count &+ 2 &* VarInt.maxLength
    }

    /// The room for pairs: everything else, with the table of kinds, needs less than 64 KiB.
    package static let longestFingerprint = longestEncoding - (1 << 16)

    /// Does it fit the format?
    package var isWithinLimits: Bool {
        let size = fingerprint.reduce(0) { $0 &+ LogMetadata.size(ofPair: $1.key, $1.value) }
        return fingerprint.count <= LogMetadata.mostPairs && size <= LogMetadata.longestFingerprint
    }

    /// The payload of the metadata chunk.
    func encoded(kinds: KindTable) -> [UInt8] {
        var writer = ByteWriter()
        writer.writeUInt64(createdNs)
        writer.writeUInt32(flags)
        writer.writeUInt8(shift)
        writer.writeVarInt(UInt64(truncatingIfNeeded: fingerprint.count))
        for (key, value) in fingerprint {
            writer.writeCounted(key.bytes)
            writer.writeCounted(value.bytes)
        }
        kinds.write(to: &writer)
        return writer.bytes
    }

    /// Tells the log from others of the same machine, made at other times.
    func identity(kinds: KindTable) -> UInt64 {
        encoded(kinds: kinds).withUnsafeBytes { Checksum.xxh3($0) }
    }

    /// Nil if the bytes aren't metadata.
    static func decode(_ bytes: UnsafeRawBufferPointer) -> (metadata: LogMetadata, kinds: KindTable)? {
        var reader = ByteReader(bytes)
        guard let createdNs = reader.readUInt64(), let flags = reader.readUInt32(),
            let shift = reader.readUInt8(),
            let pairs = reader.readVarInt(), pairs <= UInt64(LogMetadata.mostPairs)
        else { return nil }
        var fingerprint: [(key: ByteText, value: ByteText)] = []
        var index: UInt64 = 0
        while index < pairs {
            guard let key = reader.readCounted(), let value = reader.readCounted() else { return nil }
            fingerprint.append((ByteText(key), ByteText(value)))
            index &+= 1
        }
        guard let kinds = KindTable(reading: &reader), reader.remaining == 0 else { return nil }
        return (
            LogMetadata(fingerprint: fingerprint, createdNs: createdNs, shift: shift, flags: flags), kinds
        )
    }
}
