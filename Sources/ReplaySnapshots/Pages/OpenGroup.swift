import ReplaySystem

/// A group that is being filled. Its pages are kept as they are, until it is closed.
final class OpenGroup {
    /// 0: none is open.
    var number: UInt32 = 0
    private let budget: MemoryBudget
    let memory: UnsafeMutableRawPointer
    private let groupBytes: Int

    /// Nil: memory runs out.
    init?(_ budget: MemoryBudget, groupBytes: Int) {
        guard let memory = budget.allocate(groupBytes) else { return nil }
        self.budget = budget
        self.memory = memory
        self.groupBytes = groupBytes
    }

    deinit {
        budget.free(memory, groupBytes)
    }

    /// The memory that it uses.
    var bytes: Int { groupBytes }
}
