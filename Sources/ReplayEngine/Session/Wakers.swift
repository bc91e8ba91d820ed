import ReplayLog
import ReplaySystem

/// Wakes the main loops that are attached to a session.
package final class Wakers: Sendable {
    private let wakers = Locked<[(id: UInt, wake: @Sendable () -> Void)]>([])

    package func add(_ id: UInt, _ wake: @escaping @Sendable () -> Void) {
        wakers.withLock { $0.append((id, wake)) }
    }

    package func remove(_ id: UInt) { wakers.withLock { $0.removeAll { $0.id == id } } }

    /// With the lock held, so that a removed waker isn't called any more.
    func wake() { wakers.withLock { for waker in $0 { waker.wake() } } }
}
