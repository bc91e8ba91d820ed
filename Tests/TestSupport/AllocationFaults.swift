import Glibc
import Synchronization

/// Makes allocations of one thread fail.
public enum AllocationFaults {
    /// The thread, or 0.
    fileprivate static let thread = Atomic<UInt>(0)
    /// How many allocations succeed before, and how many then fail. Used by that thread only.
    nonisolated(unsafe) fileprivate static var passing = 0
    nonisolated(unsafe) fileprivate static var failing = 0
    nonisolated(unsafe) private static let turn = {
        let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        return mutex
    }()

    /// Lets `count` allocations of this thread fail, after `number` ones. Returns whether any failed.
    ///
    /// One test at a time does, the others wait.
    public static func fail(_ number: Int, count: Int, _ body: () throws -> Void) rethrows -> Bool {
        pthread_mutex_lock(turn)
        defer { pthread_mutex_unlock(turn) }
        (passing, failing) = (number, count)
        thread.store(UInt(pthread_self()), ordering: .releasing)
        defer { thread.store(0, ordering: .releasing) }
        try body()
        return failing < count
    }

    fileprivate static func next() -> Bool {
        guard passing == 0 else {
            passing -= 1
            return false
        }
        guard failing > 0 else { return false }
        failing -= 1
        return true
    }
}

/// Called by the library's allocator.
@_cdecl("replay_test_fails_allocation")
public func failsAllocation(_ size: Int) -> Bool {
    AllocationFaults.thread.load(ordering: .acquiring) == UInt(pthread_self()) && AllocationFaults.next()
}
