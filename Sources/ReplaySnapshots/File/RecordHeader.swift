import ReplayLog

/// What precedes each record's payload: 48 bytes, the last eight of them their own checksum.
struct RecordHeader: Equatable {
    enum Kind: UInt8, CaseIterable {
        case pages = 1
        case leaf = 2
        case state = 3
        case overlay = 4
        case commit = 5
        case clusters = 6
        case extents = 7
    }

    enum Codec: UInt8 {
        case stored = 0
        case zstd = 1
    }

    static let size = 48
    static let magic: [UInt8] = [0x52, 0x53, 0x4E, 0x50]  // RSNP

    var kind: Kind
    var codec: Codec = .stored
    /// Larger than that of each record before it; from 1.
    var sequence: UInt64
    /// The checksum of the file's header, so that a record of a different store isn't mistaken for one of this.
    var store: UInt64
    var rawLength: UInt32 = 0
    var storedLength: UInt32 = 0
    /// The XXH3 of the payload as stored.
    var payloadChecksum: UInt64 = 0

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.writeBytes(RecordHeader.magic)
        writer.writeUInt8(kind.rawValue)
        writer.writeUInt8(codec.rawValue)
        writer.writeUInt8(0)
        writer.writeUInt8(0)
        writer.writeUInt64(sequence)
        writer.writeUInt64(store)
        writer.writeUInt32(rawLength)
        writer.writeUInt32(storedLength)
        writer.writeUInt64(payloadChecksum)
        writer.writeChecksum()
        return writer.bytes
    }

    init(kind: Kind, sequence: UInt64, store: UInt64) {
        self.kind = kind
        self.sequence = sequence
        self.store = store
    }

    /// Nil if the bytes aren't a record's header.
    init?(decoding bytes: UnsafeRawBufferPointer) {
        var reader = ByteReader(bytes)
        guard let start = reader.readBytes(RecordHeader.magic.count),
            start.elementsEqual(RecordHeader.magic),
            let kind = reader.readUInt8().flatMap({ Kind(rawValue: $0) }),
            let codec = reader.readUInt8().flatMap({ Codec(rawValue: $0) }),
            reader.readUInt8() == 0, reader.readUInt8() == 0,
            let sequence = reader.readUInt64(), let store = reader.readUInt64(),
            let rawLength = reader.readUInt32(), let storedLength = reader.readUInt32(),
            let payloadChecksum = reader.readUInt64(), reader.readChecksum()
        else { return nil }
        self.kind = kind
        self.codec = codec
        self.sequence = sequence
        self.store = store
        self.rawLength = rawLength
        self.storedLength = storedLength
        self.payloadChecksum = payloadChecksum
    }

    static let longestPayload = 1 << 31 - 1
    /// The largest compression ratio of a payload.
    static let largestRatio: UInt64 = 1024

    /// Does the header respect the limits on the format page? They bound the memory that a file can demand.
    func isWithinLimits(_ layout: PageLayout) -> Bool {
        let (raw, stored) = (UInt64(rawLength), UInt64(storedLength))
        guard raw <= RecordHeader.longestPayload, stored <= raw, sequence > 0,
            sequence <= FileReference.lastSequence
        else { return false }
        switch codec {
        case .stored: guard stored == raw else { return false }
        case .zstd: guard kind != .pages, raw <= stored &* RecordHeader.largestRatio else { return false }
        }
        switch kind {
        case .pages: return raw <= UInt64(PagesPayload.longest(layout))
        case .leaf: return raw <= UInt64(LeafPayload.longest)
        case .state, .overlay: return true
        case .commit: return raw == UInt64(CommitPayload.size(layout))
        case .clusters: return raw <= UInt64(DiskPlace.longestPayload)
        case .extents: return raw <= UInt64(ExtentsPayload.longest)
        }
    }
}
