import Glibc
import ReplayLog

/// Threads that do what would block: a queue of work, first come, first served.
final class Workers: @unchecked Sendable {
    // Sendable: the monitor guards the queue.

    private let monitor = Monitor()
    private var work: [BlockRequest] = []
    private var isStopping = false
    private var threads: [pthread_t] = []
    private let perform: @Sendable (BlockRequest) -> Void

    /// nil when no thread can be made.
    init?(_ count: Int, _ perform: @escaping @Sendable (BlockRequest) -> Void) {
        self.perform = perform
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

    func add(_ request: BlockRequest) {
        monitor.lock()
        work.append(request)
        monitor.wakeAll()
        monitor.unlock()
    }

    /// Does what is queued, and ends the threads.
    func stop() {
        monitor.lock()
        isStopping = true
        monitor.wakeAll()
        monitor.unlock()
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
        monitor.lock()
        while true {
            if !work.isEmpty {
                let request = work.removeFirst()
                monitor.unlock()
                perform(request)
                monitor.lock()
            } else if isStopping {
                break
            } else {
                monitor.wait()
            }
        }
        monitor.unlock()
    }
}
