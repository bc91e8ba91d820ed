/// The number of a page's version in memory.
///
/// A page has only one number for the same content: so two snapshots have the same content in a page if, and only
/// if, they have the same number there.
typealias Version = UInt32

/// Versions without a slot.
enum FixedVersion {
    /// As at the start.
    static let start: Version = 0
    /// Zero, and not so at the start.
    static let zero: Version = 1
    /// Unknown: memory ran out when the page was stored.
    static let lost: Version = 2
    static let count = 3
}

/// A version whose content is stored in a group.
struct VersionSlot: SlabSlot {
    var hash = PageHash()
    /// The entries of leaves, and deltas, that refer to it; 0: the slot is free.
    var references: UInt64 = 0
    /// The page that has this content at the start, as a ``FileReference``; 0: none.
    var origin: UInt64 = 0
    /// The next one in its bucket, or the next free one.
    var next: UInt32 = 0
    /// What is stored is the difference from that version, which isn't itself a difference; 0: the content itself.
    var base: Version = 0
    var group: UInt32 = 0
    var member: UInt32 = 0
}

/// Up to 16 pages that are compressed together.
struct GroupSlot: SlabSlot {
    static let most = 16

    var bytes: UnsafeMutableRawPointer?
    /// Less than the length of its pages: compressed.
    var storedLength = 0
    var pageBytes: UInt32 = 0
    var memberCount: UInt32 = 0
    /// The members that still have a slot; 0: the group is free, unless it is open.
    var liveCount: UInt32 = 0
    var next: UInt32 = 0
    /// It is being filled: the bytes belong to an ``OpenGroup``.
    var isOpen = false
    /// The bytes belong to ``KeptMemory``.
    var isKept = false
    /// The record of the file that has it; 0: none.
    var record: UInt64 = 0
    /// Versions, 0 for a released one.
    var members = Members()

    var length: Int { Int(memberCount) &* Int(pageBytes) }
    var isCompressed: Bool { storedLength < length }

    /// An array in place.
    struct Members: BitwiseCopyable {
        private var pairs = SIMD16<UInt32>(repeating: 0)

        subscript(_ index: Int) -> Version {
            get { pairs[index] }
            set { pairs[index] = newValue }
        }
    }
}
