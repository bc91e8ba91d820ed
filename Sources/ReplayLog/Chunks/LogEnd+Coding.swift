extension LogEnd {
    static let encodedSize = 40

    /// The payload of the end chunk.
    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.writeUInt32(cause)
        writer.writeUInt32(UInt32(bitPattern: exitCode))
        writer.writeUInt64(icount)
        writer.writeUInt64(digest)
        writer.writeUInt64(hasDigest ? 1 : 0)
        writer.writeUInt64(eventCount)
        return writer.bytes
    }

    /// Nil if the bytes aren't an end record.
    init?(decoding bytes: UnsafeRawBufferPointer) {
        var reader = ByteReader(bytes)
        guard bytes.count == LogEnd.encodedSize, let cause = reader.readUInt32(),
            let exitCode = reader.readUInt32(),
            let icount = reader.readUInt64(), let digest = reader.readUInt64(),
            let hasDigest = reader.readUInt64(), hasDigest <= 1, let eventCount = reader.readUInt64()
        else { return nil }
        self.init(
            cause: cause, exitCode: Int32(bitPattern: exitCode), icount: icount, digest: digest,
            hasDigest: hasDigest == 1, eventCount: eventCount)
    }
}
