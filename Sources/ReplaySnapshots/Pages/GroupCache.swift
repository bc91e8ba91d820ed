/// The groups that were decompressed last.
final class GroupCache {
    private struct Entry {
        /// 0: none.
        var group: UInt32 = 0
        var lastUse: UInt64 = 0
    }

    private let budget: MemoryBudget
    private let memory: UnsafeMutableRawPointer
    private let groupBytes: Int
    private var entries: [Entry]
    private var uses: UInt64 = 0

    /// Nil: memory runs out.
    init?(_ budget: MemoryBudget, count: Int, groupBytes: Int) {
        guard let memory = budget.allocate(count &* groupBytes) else { return nil }
        self.budget = budget
        self.memory = memory
        self.groupBytes = groupBytes
        entries = Array(repeating: Entry(), count: count)
    }

    deinit {
        budget.free(memory, bytes)
    }

    /// The memory that it uses.
    var bytes: Int { entries.count &* groupBytes }

    /// The pages of a group. `fill` decompresses it if it isn't here; if that fails, the result is nil.
    func pages(_ group: UInt32, fill: (UnsafeMutableRawPointer) -> Bool) -> UnsafeRawPointer? {
        uses &+= 1
        var oldest = 0
        for index in entries.indices {
            if entries[index].group == group {
                entries[index].lastUse = uses
                return UnsafeRawPointer(memory + index &* groupBytes)
            }
            if entries[index].lastUse < entries[oldest].lastUse { oldest = index }
        }
        let place = memory + oldest &* groupBytes
        entries[oldest] = Entry()
        guard fill(place) else { return nil }
        entries[oldest] = Entry(group: group, lastUse: uses)
        return UnsafeRawPointer(place)
    }

    /// The group's number may be used for a different one from now on.
    func forget(_ group: UInt32) {
        for index in entries.indices where entries[index].group == group { entries[index] = Entry() }
    }
}
