/// Memory in large pieces for what is kept as long as the store: allocating it costs little.
final class KeptMemory {
    private let budget: MemoryBudget
    private var pieces: [UnsafeMutableRawPointer] = []
    private var left = 0
    private static let pieceBytes = 4 << 20
    /// Memory is asked for one by one until so much was.
    private var small = KeptMemory.pieceBytes

    init(_ budget: MemoryBudget) {
        self.budget = budget
    }

    deinit {
        for piece in pieces { budget.free(piece, KeptMemory.pieceBytes) }
    }

    /// The memory that it uses.
    var bytes: Int { pieces.count &* KeptMemory.pieceBytes }

    /// Nil: allocate it by itself.
    func place(_ count: Int) -> UnsafeMutableRawPointer? {
        guard count >= 0, count <= KeptMemory.pieceBytes else { return nil }
        if small > 0 {
            small &-= count
            return nil
        }
        if left < count {
            // Not in large pages: clearing them may take several times longer than copying what they get.
            guard let piece = budget.allocate(KeptMemory.pieceBytes, relieves: false) else { return nil }
            pieces.append(piece)
            left = KeptMemory.pieceBytes
        }
        guard let piece = pieces.last else { return nil }
        defer { left &-= count }
        return piece + (KeptMemory.pieceBytes &- left)
    }
}
