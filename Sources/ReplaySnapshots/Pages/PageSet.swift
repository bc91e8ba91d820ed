/// A set of pages of all regions, two words for each leaf.
final class PageSet {
    typealias Bits = SIMD2<UInt64>

    private let budget: MemoryBudget
    private let layout: PageLayout
    private let words: UnsafeMutablePointer<Bits>

    /// Empty. Nil: memory runs out.
    init?(_ budget: MemoryBudget, _ layout: PageLayout) {
        guard let memory = budget.allocate(PageSet.bytes(layout)) else { return nil }
        self.budget = budget
        self.layout = layout
        words = memory.bindMemory(to: Bits.self, capacity: max(layout.leafCount, 1))
        words.initialize(repeating: .zero, count: max(layout.leafCount, 1))
    }

    deinit {
        budget.free(words, bytes)
    }

    private static func bytes(_ layout: PageLayout) -> Int {
        max(layout.leafCount, 1) &* MemoryLayout<Bits>.stride
    }

    /// The memory that it uses.
    var bytes: Int { PageSet.bytes(layout) }

    /// Which pages of a leaf are in the set.
    subscript(_ leaf: Int) -> Bits { words[leaf] }

    static func bit(_ entry: Int) -> Bits {
        let bit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: entry & 63)
        return entry < 64 ? Bits(bit, 0) : Bits(0, bit)
    }

    func insert(_ address: PageAddress) {
        let place = layout.place(address)
        words[place.leaf] |= PageSet.bit(place.entry)
    }

    func insert(_ bits: Bits, leaf: Int) { words[leaf] |= bits }

    func remove(_ address: PageAddress) {
        let place = layout.place(address)
        words[place.leaf] &= ~PageSet.bit(place.entry)
    }

    /// How many pages are in the set.
    var count: Int {
        (0..<layout.leafCount).reduce(0) {
            $0 &+ words[$1].x.nonzeroBitCount &+ words[$1].y.nonzeroBitCount
        }
    }

    /// The leaves of which pages are in the set.
    var leafCount: Int { (0..<layout.leafCount).count { words[$0] != .zero } }

    func removeAll() {
        words.update(repeating: .zero, count: max(layout.leafCount, 1))
    }

    /// Pages that follow each other in a region: the first one, and how many. In order.
    func forEachRun(_ body: (PageAddress, Int) -> Void) {
        var run: (first: PageAddress, count: Int)?
        for leaf in 0..<layout.leafCount where words[leaf] != .zero {
            let pages = layout.pages(ofLeaf: leaf)
            for entry in 0..<pages.count where words[leaf] & PageSet.bit(entry) != .zero {
                let page = pages.first.page &+ UInt32(truncatingIfNeeded: entry)
                if let known = run, known.first.region == pages.first.region,
                    known.first.page &+ UInt32(truncatingIfNeeded: known.count) == page
                {
                    run = (known.first, known.count &+ 1)
                } else {
                    if let run { body(run.first, run.count) }
                    run = (PageAddress(region: pages.first.region, page: page), 1)
                }
            }
        }
        if let run { body(run.first, run.count) }
    }
}
