extension LogEnd {
    static let encodedSize = 40

    /// The payload of the end chunk.
    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.writeUInt32(cause)
        writer.writeUInt32(UInt32(bitPattern: exitCode))
        writer.writeUInt64(icount)
        writer.writeUInt64(digest)
        writer.writeUInt8(hasDigest ? 1 : 0)
        writer.writeUInt8(ending.rawValue)
        writer.writeUInt8(0)
        writer.writeUInt8(0)
        writer.writeUInt32(UInt32(bitPattern: recorderErrno))
        writer.writeUInt64(eventCount)
        return writer.bytes
    }

    /// Nil if the bytes aren't an end record.
    init?(decoding bytes: UnsafeRawBufferPointer) {
        var reader = ByteReader(bytes)
        guard bytes.count == LogEnd.encodedSize, let cause = reader.readUInt32(),
            let exitCode = reader.readUInt32(),
            let icount = reader.readUInt64(), let digest = reader.readUInt64(),
            let hasDigest = reader.readUInt8(), hasDigest <= 1,
            let ending = reader.readUInt8().flatMap({ Ending(rawValue: $0) }),
            reader.readUInt8() == 0, reader.readUInt8() == 0, let recorderErrno = reader.readUInt32(),
            recorderErrno == 0 || ending == .died, let eventCount = reader.readUInt64()
        else { return nil }
        self.init(
            cause: cause, exitCode: Int32(bitPattern: exitCode), icount: icount, digest: digest,
            hasDigest: hasDigest == 1, eventCount: eventCount, ending: ending,
            recorderErrno: Int32(bitPattern: recorderErrno))
    }
}
