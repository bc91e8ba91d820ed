/// What an entry of a leaf refers to in a file, in eight bytes. In memory, versions that are pages of the start know
/// theirs too.
struct FileReference: Equatable, BitwiseCopyable {
    var bits: UInt64

    init(bits: UInt64) {
        self.bits = bits
    }

    /// As this page is at the start.
    static let ownStart = FileReference(bits: 0)
    static let zero = FileReference(bits: 1)
    private static let startBit: UInt64 = 1 << 63
    /// Where a record's number begins.
    private static let shift: UInt64 = 6
    static let lastSequence: UInt64 = UInt64.max >> (shift + 1)

    /// A page of a PAGES record, or a leaf of a LEAF record.
    init(sequence: UInt64, member: Int) {
        bits = sequence &<< FileReference.shift | UInt64(truncatingIfNeeded: member)
    }

    /// As a page, any one, is at the start.
    static func start(_ address: PageAddress) -> FileReference {
        FileReference(bits: startBit | UInt64(address.region) &<< 32 | UInt64(address.page))
    }

    enum Target: Equatable {
        case ownStart
        case zero
        case start(PageAddress)
        case member(sequence: UInt64, Int)
    }

    /// Nil: it isn't a reference.
    var target: Target? {
        if bits == 0 { return .ownStart }
        if bits == 1 { return .zero }
        if bits & FileReference.startBit != 0 {
            return .start(
                PageAddress(
                    region: UInt32(truncatingIfNeeded: bits &>> 32) & 0x7FFF_FFFF,
                    page: UInt32(truncatingIfNeeded: bits)))
        }
        let sequence = bits &>> FileReference.shift
        return sequence == 0
            ? nil : .member(sequence: sequence, Int(truncatingIfNeeded: bits & 63))
    }
}
