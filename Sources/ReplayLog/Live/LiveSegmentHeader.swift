/// A live segment's description: 32 bytes and their checksum.
struct LiveSegmentHeader: Equatable {
    /// The number of the chunk that the segment will become.
    var sequence: UInt64
    var firstEvent: UInt64
    var firstIcount: UInt64
    /// The running checksum before the first event.
    var chain: UInt64

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.writeUInt64(sequence)
        writer.writeUInt64(firstEvent)
        writer.writeUInt64(firstIcount)
        writer.writeUInt64(chain)
        writer.writeChecksum()
        return writer.bytes
    }

    init(sequence: UInt64, firstEvent: UInt64, firstIcount: UInt64, chain: UInt64) {
        self.sequence = sequence
        self.firstEvent = firstEvent
        self.firstIcount = firstIcount
        self.chain = chain
    }

    /// Nil if the bytes aren't such a header.
    init?(decoding bytes: UnsafeRawBufferPointer) {
        var reader = ByteReader(bytes)
        guard let sequence = reader.readUInt64(), let firstEvent = reader.readUInt64(),
            let firstIcount = reader.readUInt64(), let chain = reader.readUInt64(), reader.readChecksum()
        else { return nil }
        self.init(sequence: sequence, firstEvent: firstEvent, firstIcount: firstIcount, chain: chain)
    }
}
