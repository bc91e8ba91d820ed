/// What precedes each chunk's payload: 72 bytes, the last eight of them their own checksum.
struct ChunkHeader: Equatable {
    enum Kind: UInt8 {
        case metadata = 1
        case events = 2
        case index = 3
        case end = 4
        /// Events are missing.
        case gap = 5
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
    /// The lower half of the checksum of the header of the chunk before this one, so that a chunk of a different
    /// recording isn't mistaken for one of this; 0 in the first chunk, and in format 1.
    var link: UInt32 = 0
    /// The state of ``RunningChecksum`` after the last event.
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
        writer.writeUInt32(link)
        writer.writeUInt64(chain)
        writer.writeUInt64(payloadChecksum)
        writer.writeChecksum()
        return writer.bytes
    }

    /// Nil if the bytes aren't a chunk header.
    init?(decoding bytes: UnsafeRawBufferPointer) {
        var reader = ByteReader(bytes)
        guard let start = reader.readBytes(ChunkHeader.magic.count), start.elementsEqual(ChunkHeader.magic),
            let kind = reader.readUInt8().flatMap({ Kind(rawValue: $0) }),
            let codec = reader.readUInt8().flatMap({ Codec(rawValue: $0) }),
            reader.readUInt8() == 0, reader.readUInt8() == 0,
            let sequence = reader.readUInt64(), let firstEvent = reader.readUInt64(),
            let firstIcount = reader.readUInt64(), let eventCount = reader.readUInt32(),
            let rawLength = reader.readUInt32(), let storedLength = reader.readUInt32(),
            let link = reader.readUInt32(), let chain = reader.readUInt64(),
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
        self.link = link
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

    /// The link of the chunk that follows one whose header has this checksum.
    static func link(_ checksum: UInt64, version: UInt32) -> UInt32 {
        version == 1 ? 0 : UInt32(truncatingIfNeeded: checksum)
    }

    /// Does the header respect the limits on the format page? They bound the memory that a file can demand.
    func isWithinLimits(version: UInt32) -> Bool {
        let (raw, stored) = (UInt64(rawLength), UInt64(storedLength))
        guard raw <= ChunkHeader.longestPayload, stored <= raw else { return false }
        switch codec {
        case .stored: guard stored == raw else { return false }
        case .zstd:
            let ratio = version == 1 ? ChunkHeader.largestRatioOfFormat1 : ChunkHeader.largestRatio
            guard kind == .events, raw <= stored &* ratio else { return false }
        case .columns:
            guard kind == .events, version >= 2, raw <= stored &* ChunkHeader.largestRatio else {
                return false
            }
        }
        switch kind {
        case .events: return eventCount > 0 && UInt64(eventCount) <= raw
        case .metadata: return eventCount == 0 && raw <= UInt64(LogMetadata.longestEncoding)
        case .index: return eventCount == 0
        case .gap: return eventCount == 0 && raw == UInt64(LogGap.encodedSize) && version >= 2
        case .end: return eventCount == 0 && raw == UInt64(LogEnd.encodedSize)
        }
    }

    static let longestPayload: UInt64 = 1 << 31 - 1
    /// The largest compression ratio of a payload.
    static let largestRatio: UInt64 = 1024
    /// The largest ratio that zstd's format allows: 128 KiB in four bytes.
    static let largestRatioOfFormat1: UInt64 = 32768

    /// The header's own checksum, its last eight bytes. The live file and the next chunk refer to it.
    var checksum: UInt64 {
        encoded().withUnsafeBytes { bytes in
            var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes.suffix(8)))
            return reader.readUInt64() ?? 0
        }
    }
}
