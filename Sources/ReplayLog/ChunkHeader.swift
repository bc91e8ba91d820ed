/// What precedes each chunk's payload: 72 bytes, the last eight of them their own checksum.
struct ChunkHeader: Equatable {
    enum Kind: UInt8 {
        case metadata = 1
        case events = 2
        case index = 3
        case end = 4
    }

    static let size = 72
    static let magic: [UInt8] = [0x52, 0x43, 0x48, 0x4B]  // RCHK

    var kind: Kind
    var codec: Codec = .stored
    /// The chunk's number in the file, from 0: the metadata.
    var sequence: UInt64
    /// The number of events before this chunk.
    var firstEvent: UInt64
    /// The instruction count of the last event before this chunk; the first event's delta counts from here.
    var firstIcount: UInt64
    var eventCount: UInt32 = 0
    var rawLength: UInt32 = 0
    var storedLength: UInt32 = 0
    /// The state of ``RunningChecksum`` behind the last event.
    var chain: UInt64
    /// The XXH3 of the stored payload.
    var payloadChecksum: UInt64 = 0

    /// Where this chunk ends when it begins at `offset`.
    func end(from offset: UInt64) -> UInt64 {
        offset &+ UInt64(ChunkHeader.size) &+ UInt64(storedLength)
    }

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.writeBytes(ChunkHeader.magic)
        writer.writeUInt8(kind.rawValue)
        writer.writeUInt8(codec.rawValue)
        writer.writeUInt8(0)
        writer.writeUInt8(0)
        writer.writeUInt64(sequence)
        writer.writeUInt64(firstEvent)
        writer.writeUInt64(firstIcount)
        writer.writeUInt32(eventCount)
        writer.writeUInt32(rawLength)
        writer.writeUInt32(storedLength)
        writer.writeUInt32(0)
        writer.writeUInt64(chain)
        writer.writeUInt64(payloadChecksum)
        writer.writeChecksum()
        return writer.bytes
    }

    /// Nil when the bytes are no chunk header.
    init?(decoding bytes: UnsafeRawBufferPointer) {
        var reader = ByteReader(bytes)
        guard let start = reader.readBytes(ChunkHeader.magic.count), start.elementsEqual(ChunkHeader.magic),
            let kind = reader.readUInt8().flatMap({ Kind(rawValue: $0) }),
            let codec = reader.readUInt8().flatMap({ Codec(rawValue: $0) }),
            reader.readUInt8() == 0, reader.readUInt8() == 0,
            let sequence = reader.readUInt64(), let firstEvent = reader.readUInt64(),
            let firstIcount = reader.readUInt64(), let eventCount = reader.readUInt32(),
            let rawLength = reader.readUInt32(), let storedLength = reader.readUInt32(),
            reader.readUInt32() == 0, let chain = reader.readUInt64(),
            let payloadChecksum = reader.readUInt64(),
            reader.readChecksum()
        else { return nil }
        self.kind = kind
        self.codec = codec
        self.sequence = sequence
        self.firstEvent = firstEvent
        self.firstIcount = firstIcount
        self.eventCount = eventCount
        self.rawLength = rawLength
        self.storedLength = storedLength
        self.chain = chain
        self.payloadChecksum = payloadChecksum
    }

    init(
        kind: Kind, sequence: UInt64, firstEvent: UInt64, firstIcount: UInt64, eventCount: UInt32 = 0,
        chain: UInt64
    ) {
        self.kind = kind
        self.sequence = sequence
        self.firstEvent = firstEvent
        self.firstIcount = firstIcount
        self.eventCount = eventCount
        self.chain = chain
    }

    /// The header's own checksum, as it stands in its last eight bytes: what the live file is bound to.
    var checksum: UInt64 {
        encoded().withUnsafeBytes { bytes in
            var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes.suffix(8)))
            return reader.readUInt64() ?? 0
        }
    }
}
