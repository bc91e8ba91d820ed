import Glibc

/// Threads that do what would block: a queue of work, first come, first served.
final class Workers: @unchecked Sendable {
    // Sendable: the mutex guards the queue.

    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var work: [BlockRequest] = []
    private var isStopping = false
    private var threads: [pthread_t] = []
    private let perform: @Sendable (BlockRequest) -> Void

    /// nil when no thread can be made.
    init?(_ count: Int, _ perform: @escaping @Sendable (BlockRequest) -> Void) {
        self.perform = perform
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
        for _ in 0..<count {
            var thread = pthread_t()
            let context = Unmanaged.passRetained(self).toOpaque()
            let result = pthread_create(
                &thread, nil,
                { context in
                    if let context { Unmanaged<Workers>.fromOpaque(context).takeRetainedValue().run() }
                    return nil
                }, context)
            if result == 0 {
                threads.append(thread)
            } else {
                Unmanaged<Workers>.fromOpaque(context).release()
            }
        }
        if threads.isEmpty { return nil }
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(condition)
        mutex.deallocate()
        condition.deallocate()
    }

    func add(_ request: BlockRequest) {
        pthread_mutex_lock(mutex)
        work.append(request)
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Does what is queued, and ends the threads.
    func stop() {
        pthread_mutex_lock(mutex)
        isStopping = true
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
        for thread in threads {
            // A completion that closes its disk runs on a worker in mode NONE.
            if pthread_equal(thread, pthread_self()) == 0 {
                pthread_join(thread, nil)
            } else {
                pthread_detach(thread)
            }
        }
        threads.removeAll()
    }

    private func run() {
        pthread_mutex_lock(mutex)
        while true {
            if !work.isEmpty {
                let request = work.removeFirst()
                pthread_mutex_unlock(mutex)
                perform(request)
                pthread_mutex_lock(mutex)
            } else if isStopping {
                break
            } else {
                pthread_cond_wait(condition, mutex)
            }
        }
        pthread_mutex_unlock(mutex)
    }
}
