import Glibc

/// A mutex with a condition, at a fixed address, whose waits have a limit on a monotonic clock.
package final class Monitor: @unchecked Sendable {
    // Sendable: both objects are meant to be shared.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    package init() {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
        condition = .allocate(capacity: 1)
        condition.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    package func withLock<Value>(_ body: () -> Value) -> Value {
        lock()
        defer { unlock() }
        return body()
    }

    package func lock() {
        pthread_mutex_lock(mutex)
    }

    package func unlock() {
        pthread_mutex_unlock(mutex)
    }

    /// The caller holds the lock, which is released during the wait.
    package func wait() {
        pthread_cond_wait(condition, mutex)
    }

    package func wait(until time: timespec) {
        var time = time
        pthread_cond_timedwait(condition, mutex, &time)
    }

    package func wakeAll() {
        pthread_cond_broadcast(condition)
    }
}
