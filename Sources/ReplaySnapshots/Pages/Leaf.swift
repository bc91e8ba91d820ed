/// The versions of 128 consecutive pages of a region. Tables share it; it isn't changed while more than one refers
/// to it.
///
/// Nil in place of a leaf means that all its pages are as at the start.
struct Leaf: BitwiseCopyable {
    private struct Head: BitwiseCopyable {
        var references = 1
        /// Where a file has it, as a ``FileReference``; 0: nowhere.
        var reference: UInt64 = 0
    }

    private let head: UnsafeMutablePointer<Head>
    let entries: UnsafeMutablePointer<Version>

    /// What one takes in memory.
    static let bytes = MemoryLayout<Head>.stride &+ PageLayout.leafPages &* MemoryLayout<Version>.stride

    /// All entries get that version. It is a fixed one. Nil: memory runs out.
    init?(_ budget: MemoryBudget, all version: Version) {
        guard let memory = budget.allocate(Leaf.bytes) else { return nil }
        head = memory.bindMemory(to: Head.self, capacity: 1)
        head.initialize(to: Head())
        entries = (memory + MemoryLayout<Head>.stride)
            .bindMemory(to: Version.self, capacity: PageLayout.leafPages)
        entries.initialize(repeating: version, count: PageLayout.leafPages)
    }

    func free(_ budget: MemoryBudget) {
        budget.free(UnsafeMutableRawPointer(head), Leaf.bytes)
    }

    var references: Int {
        get { head.pointee.references }
        nonmutating set { head.pointee.references = newValue }
    }

    var reference: UInt64 {
        get { head.pointee.reference }
        nonmutating set { head.pointee.reference = newValue }
    }

    static func === (one: Leaf, other: Leaf) -> Bool { one.head == other.head }
    var identity: UnsafeRawPointer { UnsafeRawPointer(head) }
}
