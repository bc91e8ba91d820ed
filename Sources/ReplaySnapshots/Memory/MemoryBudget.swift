import ReplaySystem

/// Memory with a limit, counted to the byte.
///
/// An allocation that doesn't fit first asks its owner to release something: ``relieve``. So each allocation may
/// drop snapshots, and whoever allocates must be prepared for that.
package final class MemoryBudget {
    package let limit: Int
    /// What is allocated now.
    package private(set) var used = 0
    /// Releases some memory. False: nothing is left that can be released.
    var relieve: () -> Bool = { false }

    package init(limit: Int) {
        self.limit = max(limit, 0)
    }

    /// The bytes aren't initialised. Nil: they don't fit, or memory ran out.
    ///
    /// - Parameter relieves: it may release something else.
    func allocate(_ count: Int, relieves: Bool = true) -> UnsafeMutableRawPointer? {
        guard count >= 0, count <= limit else { return nil }
        while true {
            if used <= limit &- count, let memory = CheckedMemory.allocate(count) {
                used &+= count
                return memory
            }
            guard relieves && relieve() else { return nil }
        }
    }

    func free(_ memory: UnsafeMutableRawPointer?, _ count: Int) {
        guard let memory else { return }
        CheckedMemory.free(memory)
        used &-= count
    }
}
