/// The pages that the run has written on its way to a snapshot. It may have too many of them, but not too few.
///
/// Its owner calls ``free(_:)``: there is no deinit.
struct WrittenPages {
    private struct Piece: BitwiseCopyable {
        var leaf: UInt32
        var bits: PageSet.Bits
    }

    /// The snapshot that the way begins at; nil: the start.
    var base: UInt64?
    /// In the order of the leaves. Nil: there was no memory, and any page may be among them.
    private var pieces: UnsafeMutablePointer<Piece>?
    private var count = 0

    var isKnown: Bool { pieces != nil }
    /// The memory that it uses.
    var bytes: Int { isKnown ? max(count, 1) &* MemoryLayout<Piece>.stride : 0 }

    init(unknownFrom base: UInt64?) {
        self.base = base
    }

    private init(base: UInt64?, capacity: Int, _ budget: MemoryBudget) {
        self.base = base
        // Without dropping snapshots: this may be called because one is dropped.
        let memory = budget.allocate(max(capacity, 1) &* MemoryLayout<Piece>.stride, relieves: false)
        pieces = memory?.bindMemory(to: Piece.self, capacity: max(capacity, 1))
        count = capacity
    }

    init(base: UInt64?, _ pages: PageSet, _ layout: PageLayout, _ budget: MemoryBudget) {
        self.init(base: base, capacity: pages.leafCount, budget)
        guard let pieces else { return }
        var next = 0
        for leaf in 0..<layout.leafCount where pages[leaf] != .zero {
            (pieces + next).initialize(
                to: Piece(leaf: UInt32(truncatingIfNeeded: leaf), bits: pages[leaf]))
            next &+= 1
        }
    }

    /// The way to `before`, and from there on.
    init(_ before: WrittenPages, then after: WrittenPages, _ budget: MemoryBudget) {
        guard before.isKnown && after.isKnown else {
            self.init(unknownFrom: before.base)
            return
        }
        var count = 0
        WrittenPages.merge(before, after) { _ in count &+= 1 }
        self.init(base: before.base, capacity: count, budget)
        guard let pieces else { return }
        var next = pieces
        WrittenPages.merge(before, after) {
            next.initialize(to: $0)
            next += 1
        }
    }

    private static func merge(_ one: WrittenPages, _ other: WrittenPages, _ body: (Piece) -> Void) {
        guard let a = one.pieces, let b = other.pieces else { return }
        var (i, j) = (0, 0)
        while i < one.count || j < other.count {
            if j == other.count || (i < one.count && a[i].leaf < b[j].leaf) {
                body(a[i])
                i &+= 1
            } else if i == one.count || b[j].leaf < a[i].leaf {
                body(b[j])
                j &+= 1
            } else {
                body(Piece(leaf: a[i].leaf, bits: a[i].bits | b[j].bits))
                i &+= 1
                j &+= 1
            }
        }
    }

    func free(_ budget: MemoryBudget) { budget.free(pieces, bytes) }

    func mayContain(_ place: (leaf: Int, entry: Int)) -> Bool {
        guard let pieces else { return true }
        var (low, high) = (0, count)
        while low < high {
            let middle = (low &+ high) / 2
            if Int(pieces[middle].leaf) < place.leaf { low = middle &+ 1 } else { high = middle }
        }
        return low < count && Int(pieces[low].leaf) == place.leaf
            && pieces[low].bits & PageSet.bit(place.entry) != .zero
    }

    /// Adds all to a set. False: it isn't known.
    func insert(into set: PageSet) -> Bool {
        guard let pieces else { return false }
        for index in 0..<count { set.insert(pieces[index].bits, leaf: Int(pieces[index].leaf)) }
        return true
    }
}
