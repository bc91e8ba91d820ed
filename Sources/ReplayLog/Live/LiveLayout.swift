/// The layout of `NAME.live`: a header page, then segments, each with a header, a table
/// of marks, and the bytes of events.
struct LiveLayout: Equatable {
    static let magic: [UInt8] = [0x89, 0x52, 0x50, 0x56, 0x0D, 0x0A, 0x1A, 0x0A]
    static let headerSize = 4096
    /// The formats of live files. The first two have two segments.
    static let version: UInt32 = 3
    static let readable: ClosedRange<UInt32> = 1...version
    static let segmentCounts = 2...16
    /// How many bytes of events may wait for the sealer, which has a slow moment now and then.
    private static let usualBytes = 8 << 20
    /// The limits of the segment size.
    static let segmentSizes = 256...(1 << 30)
    /// An event begins below the segment's size, and may exceed it by this much.
    static let slack = 128
    /// The number of bytes between two marks, which hold the running checksum.
    static let markInterval = 4096
    static let markSize = 16

    // In the header page.
    static let checksumOffset = 56
    static let bindingOffset = 64
    static let failureOffset = 72
    static let tieOffset = 80
    static let tieSize = 16
    static let usedHeader = 96

    // In a segment.
    static let stateOffset = 0
    static let describedOffset = 8
    static let describedSize = 40
    static let committedOffset = 64
    static let marksOffset = 128

    /// "REPLFREE", "REPLACTV" as little-endian words: no single byte turns one into the other.
    static let free: UInt64 = 0x4545_5246_4C50_4552
    static let active: UInt64 = 0x5654_4341_4C50_4552

    var segmentSize: Int
    var segmentCount: Int
    var version = LiveLayout.version

    var capacity: Int { segmentSize &+ LiveLayout.slack }
    var markCount: Int { capacity / LiveLayout.markInterval &+ 1 }
    var dataOffset: Int { LiveLayout.pages(LiveLayout.marksOffset &+ markCount &* LiveLayout.markSize) }
    /// A word that is read at the last byte stays inside.
    var stride: Int { dataOffset &+ LiveLayout.pages(capacity &+ 8) }
    var fileSize: Int { LiveLayout.headerSize &+ segmentCount &* stride }

    func segmentOffset(_ index: Int) -> Int { LiveLayout.headerSize &+ index &* stride }

    /// Whole pages.
    private static func pages(_ count: Int) -> Int { (count &+ 4095) & ~4095 }

    /// The part of the header page that never changes, with its checksum.
    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.writeBytes(LiveLayout.magic)
        writer.writeUInt32(version)
        writer.writeUInt32(UInt32(LiveLayout.headerSize))
        writer.writeUInt32(UInt32(truncatingIfNeeded: segmentSize))
        writer.writeUInt32(UInt32(truncatingIfNeeded: segmentCount))
        writer.writeUInt64(UInt64(truncatingIfNeeded: stride))
        writer.writeUInt32(UInt32(truncatingIfNeeded: dataOffset))
        writer.writeUInt32(UInt32(truncatingIfNeeded: LiveLayout.slack))
        writer.pad(to: LiveLayout.checksumOffset)
        writer.writeChecksum()
        return writer.bytes
    }

    /// - Parameter most: segments.
    init(segmentSize: Int, most: Int = 8) {
        segmentCount = min(max(LiveLayout.usualBytes / max(segmentSize, 1), 2), most)
        self.segmentSize = min(
            max(segmentSize, LiveLayout.segmentSizes.lowerBound), LiveLayout.segmentSizes.upperBound)
    }

    /// Nil if the page isn't what ``encoded()`` writes.
    init?(decoding page: UnsafeRawBufferPointer) {
        var reader = ByteReader(page)
        guard reader.readBytes(LiveLayout.magic.count) != nil, let version = reader.readUInt32(),
            LiveLayout.readable.contains(version), reader.readUInt32() != nil, let size = reader.readUInt32(),
            LiveLayout.segmentSizes.contains(Int(size)), let count = reader.readUInt32(),
            LiveLayout.segmentCounts.contains(Int(count)), version >= 3 || count == 2,
            page.count >= LiveLayout.bindingOffset
        else { return nil }
        self.init(segmentSize: Int(size))
        (self.version, segmentCount) = (version, Int(count))
        guard page.prefix(LiveLayout.bindingOffset).elementsEqual(encoded()) else { return nil }
    }

    /// A word with 32 bits and their check bits; 0 is no value.
    static func guarded(_ value: UInt32) -> UInt64 {
        UInt64(value) | UInt64(guardOf(value)) &<< 32
    }

    /// The value of a guarded word, or none, or whether it is damaged.
    static func unguard(_ word: UInt64) -> (value: UInt32?, damaged: Bool) {
        if word == 0 { return (nil, false) }
        let value = UInt32(truncatingIfNeeded: word)
        return guardOf(value) == UInt32(truncatingIfNeeded: word &>> 32) ? (value, false) : (nil, true)
    }

    /// An inode number and its checksum; both are 0 if there is none.
    static func encodedTie(_ inode: UInt64) -> [UInt8] {
        var writer = ByteWriter()
        writer.writeUInt64(inode)
        if inode == 0 { writer.pad(to: tieSize) } else { writer.writeChecksum() }
        return writer.bytes
    }

    /// 0: no tie. Nil: damaged.
    static func tie(decoding bytes: UnsafeRawBufferPointer) -> UInt64? {
        var reader = ByteReader(bytes)
        guard let inode = reader.readUInt64() else { return nil }
        return inode == 0 ? (reader.readUInt64() == 0 ? 0 : nil) : (reader.readChecksum() ? inode : nil)
    }

    private static func guardOf(_ value: UInt32) -> UInt32 {
        ~(value &* 0x9E37_79B1)
    }
}
