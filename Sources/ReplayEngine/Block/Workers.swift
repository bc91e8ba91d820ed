import CReplay
import ReplaySystem

/// Threads for work that blocks: a queue, first come, first served.
final class Workers: @unchecked Sendable {
    // Sendable: the monitor guards the queue.

    private let monitor = Monitor()
    private var work: [BlockRequest] = []
    private var isStopping = false
    private var threads: [LibraryThread] = []
    private let forks = replay_fork_count()
    private let perform: @Sendable (BlockRequest) -> Void

    /// One thread is enough; fails if none can be started.
    init(_ count: Int, _ system: Syscalls, _ perform: @escaping @Sendable (BlockRequest) -> Void)
        throws(SystemError)
    {
        self.perform = perform
        for _ in 0..<count {
            switch system.startThread({ self.run() }) {
            case .success(let thread): threads.append(thread)
            case .failure(let error): if threads.isEmpty { throw error }
            }
        }
    }

    /// - Returns: false in a forked child, where there are no threads.
    func add(_ request: BlockRequest) -> Bool {
        guard forks == replay_fork_count() else { return false }
        monitor.lock()
        work.append(request)
        monitor.wakeAll()
        monitor.unlock()
        return true
    }

    /// Finishes what is queued, and ends the threads.
    func stop() {
        monitor.lock()
        isStopping = true
        monitor.wakeAll()
        monitor.unlock()
        guard forks == replay_fork_count() else { return }
        // In mode NONE a completion that closes its disk may run on a worker.
        for thread in threads { thread.join() }
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
