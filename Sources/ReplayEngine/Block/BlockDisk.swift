import Glibc
import ReplaySystem
import Synchronization

/// A disk: the filter between a guest's controller and a backend.
package final class BlockDisk: @unchecked Sendable {
    // Sendable: immutable except for the set of requests, which guards itself.

    /// Where data comes from that isn't in the overlay.
    enum Backend {
        case file(DataFile)
        case host(any DiskBackend)
        /// PLAY with rrdata=on: the log.
        case log(length: Int64)
    }

    let name: String
    /// In the order in which the disks were opened.
    let number: UInt64
    let backend: Backend
    let overlay: Overlay?
    /// A backend without an operation for zeroes gets a write of zeroes.
    var writesZeroes: Bool {
        guard overlay == nil, case .host(let host) = backend else { return false }
        return !host.hasZeroes
    }
    let isReadOnly: Bool
    let length: Int64
    /// Does the host submit again what a snapshot has of its requests?
    let resubmits: Bool
    /// Posts a finished request to the session. Returns false in a forked child.
    private let post: @Sendable (BlockRequest) -> Bool
    private var workers: Workers?
    /// Requests that a backend works on, by their ids.
    private let underWay = Locked<Set<UInt64>>([])
    /// Of these, the abandoned ones.
    private let abandoned = Atomic<Int>(0)
    /// Counts ``abandonRequests()``.
    private let generation = Atomic<UInt32>(0)
    /// Requests whose completion hasn't begun.
    private let count = Atomic<Int>(0)
    /// All of these, in the order of their submission. Only if ``resubmits``.
    private let pending = Locked<[BlockRequest]>([])
    /// Threads in a completion. In mode NONE that is any thread on which a request ends.
    private let completing = Locked<[pthread_t]>([])

    init(
        name: String, number: UInt64, backend: Backend, overlay: Overlay?, isReadOnly: Bool, length: Int64,
        workers: Int,
        resubmits: Bool, _ system: Syscalls, post: @escaping @Sendable (BlockRequest) -> Bool
    ) throws(SystemError) {
        self.post = post
        self.name = name
        self.number = number
        self.backend = backend
        self.overlay = overlay
        self.isReadOnly = isReadOnly
        self.length = length
        self.resubmits = resubmits
        self.workers = try Workers(workers, system) { $0.disk.perform($0) }
    }

    // MARK: A request's way

    /// What concerns only the overlay is done at the completion: see
    /// ``BlockRequest/settle()``.
    func submit(_ request: BlockRequest) {
        noteSubmission(of: request)
        if let error = request.refusal { return done(request, error) }
        if let overlay {
            switch request.operation {
            case .read: if overlay.covers(request) { return done(request, nil) }
            case .write, .zeroes, .discard: return done(request, nil)
            case .flush: return enqueue(request)
            }
        }
        switch backend {
        case .file: enqueue(request)
        case .log: done(request, nil)
        case .host(let backend):
            let handle = RequestHandles.shared.add(request)
            guard let result = backend.submit(request, handle: handle) else { return }
            _ = RequestHandles.shared.take(handle)
            done(request, result: result)
        }
    }

    private func enqueue(_ request: BlockRequest) {
        guard let workers, workers.add(request) else { return done(request, SystemError(EIO)) }
    }

    /// Runs on a worker.
    private func perform(_ request: BlockRequest) {
        do throws(SystemError) {
            if let overlay, request.operation == .flush {
                try overlay.perform(request)
            } else if case .file(let file) = backend {
                try perform(request, file)
            } else {
                throw SystemError(ENOTSUP)
            }
            done(request, nil)
        } catch {
            done(request, error)
        }
    }

    private func perform(_ request: BlockRequest, _ file: DataFile) throws(SystemError) {
        switch request.operation {
        case .read: try file.read(request.buffer.bytes, at: request.offset)
        case .write: try file.write(request.buffer.readOnly, at: request.offset)
        case .zeroes: try file.writeZeroes(request.offset..<request.offset &+ UInt64(request.length))
        case .discard: break
        case .flush: try file.sync()
        }
        let changes = request.operation == .write || request.operation == .zeroes
        if changes, request.isForced { try file.sync() }
    }

    private func done(_ request: BlockRequest, _ error: SystemError?) {
        done(request, result: error?.guestResult ?? 0)
    }

    /// A backend has finished the request, with 0 or a negative errno. Called on any thread.
    /// - Returns: false in a forked child.
    @discardableResult
    func done(_ request: BlockRequest, result: Int32) -> Bool {
        request.result = min(result, 0)
        let id = request.id
        guard post(request) else { return false }
        // Only now: a request that is neither at work nor queued must never arrive. The id of an abandoned
        // one may have been drawn again.
        underWay.withLock { if !request.isAbandoned { $0.remove(id) } }
        return true
    }

    // MARK: Requests under way

    /// False: memory ran out for one more.
    var hasRoom: Bool { !resubmits || pending.withLock { $0.makeRoom() } }

    private func noteSubmission(of request: BlockRequest) {
        count.add(1, ordering: .relaxed)
        if resubmits { pending.withLock { $0.append(request) } }
        underWay.withLock { _ = $0.insert(request.id) }
    }

    /// PLAY went to a different place: what was submitted before never completes.
    func abandonRequests() {
        generation.add(1, ordering: .relaxed)
        abandoned.store(count.load(ordering: .acquiring), ordering: .relaxed)
        underWay.withLock { $0.removeAll() }
        pending.withLock { $0.removeAll() }
    }

    /// A request that was abandoned has come back.
    func drop() {
        abandoned.subtract(1, ordering: .relaxed)
        count.subtract(1, ordering: .releasing)
    }

    /// Are there requests whose completion the guest waits for?
    var hasRequests: Bool { count.load(ordering: .acquiring) > abandoned.load(ordering: .relaxed) }

    /// Those that a snapshot takes with it.
    var pendingRequests: [BlockRequest] { pending.withLock { $0 } }

    /// Does one of them prevent a snapshot?
    var bars: Bool { resubmits ? pending.withLock { $0.contains(where: \.isUnwritten) } : hasRequests }

    var currentGeneration: UInt32 { generation.load(ordering: .relaxed) }

    /// The guest sees a completion, and the host hears of it.
    func complete(_ request: BlockRequest, _ work: () -> Void) {
        let thread = pthread_self()
        if resubmits { pending.withLock { $0.removeAll { $0 === request } } }
        completing.withLock { $0.append(thread) }
        // Afterwards: whoever finds nothing to wait for, waits for the completions that run.
        count.subtract(1, ordering: .releasing)
        work()
        completing.withLock { threads in
            if let place = threads.lastIndex(of: thread) { threads.remove(at: place) }
        }
    }

    var isOfFile: Bool { if case .file = backend { true } else { false } }
    var hasRequestsUnderWay: Bool { underWay.withLock { !$0.isEmpty } }
    func isAtWork(_ id: UInt64) -> Bool { underWay.withLock { $0.contains(id) } }
    /// Has every completion returned? A completion that asks isn't waited for: it may close the disk.
    var isIdle: Bool {
        guard count.load(ordering: .acquiring) == 0 else { return false }
        let thread = pthread_self()
        return completing.withLock { $0.allSatisfy { $0 == thread } }
    }

    /// Can it be taken back to what it had at a snapshot?
    var canGoBack: Bool {
        if case .log = backend { return true }
        return isReadOnly || overlay != nil
    }

    /// Is what the guest writes in a file of the library's?
    var holdsWrites: Bool {
        if overlay == nil, case .host = backend { return false }
        return !isReadOnly
    }

    /// Waits until no request is pending.
    /// - Returns: why a kept overlay doesn't have what was written.
    func close() -> SystemError? {
        workers?.stop()
        workers = nil
        if case .host(let backend) = backend { backend.close() }
        do throws(SystemError) { try overlay?.finish() } catch { return error }
        return nil
    }
}
