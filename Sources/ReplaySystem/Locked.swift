import CReplay
import Glibc

/// A value that one thread at a time may use.
///
/// It has a pthread mutex, and not the standard library's, because the thread sanitizer understands it.
package final class Locked<Value>: @unchecked Sendable {
    // Sendable: the mutex guards the value.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var value: Value

    /// - Parameter lastsForEver: it belongs to the whole process, and a fork never finds it locked.
    package init(_ value: Value, lastsForEver: Bool = false) {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
        self.value = value
        if lastsForEver { replay_fork_hold(mutex) }
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    package func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(&value)
    }
}
