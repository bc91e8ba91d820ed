import ReplayLog

/// The payload of a PAGES record: a group.
struct PagesPayload: BitwiseCopyable {
    struct Member: BitwiseCopyable {
        /// Zero: nothing refers to it.
        var hash = PageHash()
        /// A ``FileReference`` to the version that it is a difference from; 0: it is the content itself.
        var base: UInt64 = 0
    }

    static let headSize = 8
    static let memberSize = 24

    static func headSize(_ count: Int) -> Int { headSize &+ count &* memberSize }

    static func longest(_ layout: PageLayout) -> Int {
        headSize(GroupSlot.most) &+ GroupSlot.most &* layout.largestPage
    }

    /// What precedes the group's bytes.
    static func encodedHead(_ group: GroupSlot, in store: VersionStore) -> [UInt8] {
        var writer = ByteWriter()
        writer.writeUInt32(group.pageBytes)
        writer.writeUInt32(group.memberCount)
        for index in 0..<Int(group.memberCount) {
            let version = group.members[index]
            let slot = version == 0 ? VersionSlot() : store.versions[version].pointee
            writer.writeUInt64(slot.hash.low)
            writer.writeUInt64(slot.hash.high)
            writer.writeUInt64(slot.base == 0 ? 0 : store.reference(slot.base).bits)
        }
        return writer.bytes
    }

    var pageBytes = 0
    var count = 0
    /// The group's bytes in the payload.
    var stored = UnsafeRawBufferPointer(start: nil, count: 0)

    var length: Int { count &* pageBytes }

    /// Nil: it isn't a group of a store with these regions.
    init?(decoding bytes: UnsafeRawBufferPointer, _ layout: PageLayout) {
        var reader = ByteReader(bytes)
        guard let pageBytes = reader.readUInt32(), let count = reader.readUInt32(),
            layout.regions.contains(where: { $0.pageBytes == Int(pageBytes) }),
            count > 0, Int(count) <= GroupSlot.most,
            reader.readBytes(Int(count) &* PagesPayload.memberSize) != nil,
            let stored = reader.readBytes(reader.remaining)
        else { return nil }
        self.pageBytes = Int(pageBytes)
        self.count = Int(count)
        self.stored = stored
        guard stored.count <= length, length <= stored.count &* Int(RecordHeader.largestRatio) else {
            return nil
        }
    }

    /// A member, from the payload's first bytes.
    static func member(_ index: Int, in bytes: UnsafeRawBufferPointer) -> Member? {
        var reader = ByteReader(bytes)
        guard reader.readBytes(headSize(index)) != nil, let low = reader.readUInt64(),
            let high = reader.readUInt64(), let base = reader.readUInt64()
        else { return nil }
        return Member(hash: PageHash(low: low, high: high), base: base)
    }
}

extension VersionStore {
    /// What refers to a version in the file. Its group has been written.
    func reference(_ version: Version) -> FileReference {
        switch version {
        case FixedVersion.start: return .ownStart
        case FixedVersion.zero: return .zero
        default:
            let slot = versions[version].pointee
            if slot.origin != 0 { return FileReference(bits: slot.origin) }
            return FileReference(
                sequence: groups[slot.group].pointee.record, member: Int(slot.member))
        }
    }
}

/// Which members a group of a file has.
struct GroupShape: BitwiseCopyable {
    var pageBytes: Int
    private var members: UInt32 = 0
    private var plain: UInt32 = 0

    init(pageBytes: Int) {
        self.pageBytes = pageBytes
    }

    mutating func add(_ number: Int, _ member: PagesPayload.Member) {
        guard number < GroupSlot.most, member.hash != PageHash() else { return }
        members |= 1 << UInt32(number)
        if member.base == 0 { plain |= 1 << UInt32(number) }
    }

    func has(_ number: Int) -> Bool { members & 1 << UInt32(number & 63) != 0 }
    /// Is it the content itself?
    func hasPlain(_ number: Int) -> Bool { plain & 1 << UInt32(number & 63) != 0 }
}
