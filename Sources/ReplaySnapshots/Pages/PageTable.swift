/// The versions of all pages at one place of the run: leaves, one after the other for all regions.
///
/// Its owner calls ``release()`` or never releases it: there is no deinit.
struct PageTable {
    private let leaves: UnsafeMutablePointer<Leaf?>
    private let count: Int
    private let store: VersionStore

    static func bytes(_ count: Int) -> Int { max(count, 1) &* MemoryLayout<Leaf?>.stride }

    /// All pages as at the start. Nil: memory runs out.
    init?(leafCount: Int, _ store: VersionStore) {
        guard let memory = store.budget.allocate(PageTable.bytes(leafCount)) else { return nil }
        leaves = memory.bindMemory(to: Leaf?.self, capacity: leafCount)
        leaves.initialize(repeating: nil, count: leafCount)
        count = leafCount
        self.store = store
    }

    subscript(_ leaf: Int) -> Leaf? { leaves[leaf] }

    func version(_ place: (leaf: Int, entry: Int)) -> Version {
        leaves[place.leaf]?.entries[place.entry] ?? FixedVersion.start
    }

    /// Replaces all leaves by those of a different table.
    func share(_ other: PageTable) {
        for index in 0..<count {
            let old = leaves[index]
            if let leaf = other.leaves[index] { leaf.references &+= 1 }
            leaves[index] = other.leaves[index]
            releaseLeaf(old)
        }
    }

    /// Replaces a leaf by one that its owner shares.
    func replace(_ index: Int, by leaf: Leaf) {
        let old = leaves[index]
        leaf.references &+= 1
        leaves[index] = leaf
        releaseLeaf(old)
    }

    /// All pages of the leaf are as at the start.
    func clear(_ index: Int) {
        let old = leaves[index]
        leaves[index] = nil
        releaseLeaf(old)
    }

    /// The leaf, after making it this table's own. Nil: memory ran out, and nothing has changed.
    func own(_ index: Int) -> Leaf? {
        if let leaf = leaves[index], leaf.references == 1 { return leaf }
        guard let fresh = Leaf(store.budget, all: FixedVersion.start) else {
            // The snapshots that shared it may have been dropped meanwhile.
            return leaves[index].flatMap { $0.references == 1 ? $0 : nil }
        }
        if let old = leaves[index] {
            for entry in 0..<PageLayout.leafPages {
                fresh.entries[entry] = old.entries[entry]
                store.retain(old.entries[entry])
            }
            releaseLeaf(old)
        }
        leaves[index] = fresh
        return fresh
    }

    func release() {
        for index in 0..<count { releaseLeaf(leaves[index]) }
        store.budget.free(UnsafeMutableRawPointer(leaves), PageTable.bytes(count))
    }

    private func releaseLeaf(_ leaf: Leaf?) {
        guard let leaf else { return }
        leaf.references &-= 1
        guard leaf.references == 0 else { return }
        for entry in 0..<PageLayout.leafPages { store.release(leaf.entries[entry]) }
        leaf.free(store.budget)
    }
}
