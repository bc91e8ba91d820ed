import CReplay
import Glibc
import ReplayLog
import Synchronization

/// A disk: the filter between a guest's controller and a backend.
package final class BlockDisk: @unchecked Sendable {
    // Sendable: immutable except for the set of requests, which guards itself.

    /// Where data comes from that isn't in the overlay.
    enum Backend {
        case file(DataFile)
        case host(HostBackend)
        /// PLAY with rrdata=on: the log.
        case log(length: Int64)
    }

    let name: String
    let backend: Backend
    let overlay: Overlay?
    /// A backend without an operation for zeroes gets a write of zeroes.
    var writesZeroes: Bool {
        guard overlay == nil, case .host(let host) = backend else { return false }
        return !host.hasZeroes
    }
    let isReadOnly: Bool
    let length: Int64
    /// Not unowned, because a request may end while its session does.
    private let session: Session
    private var workers: Workers?
    /// Requests that a backend works on, by their ids.
    private let underWay = Locked<Set<UInt64>>([])
    /// Requests whose completion the guest hasn't seen yet.
    private let count = Atomic<Int>(0)

    init?(
        _ session: Session, name: String, backend: Backend, overlay: Overlay?, isReadOnly: Bool,
        length: Int64,
        workers: Int
    ) {
        self.session = session
        self.name = name
        self.backend = backend
        self.overlay = overlay
        self.isReadOnly = isReadOnly
        self.length = length
        guard let workers = Workers(workers, { $0.disk.perform($0) }) else { return nil }
        self.workers = workers
    }

    // MARK: A request's way

    /// What concerns only the overlay is done at the completion: see
    /// ``BlockRequest/settle()``.
    func submit(_ request: BlockRequest) {
        noteSubmission(of: request)
        if let error = refusal(request) { return finish(request, error) }
        if let overlay {
            switch request.operation {
            case .read: if overlay.covers(request) { return finish(request, 0) }
            case .write, .zeroes, .discard: return finish(request, 0)
            case .flush: return enqueue(request)
            }
        }
        switch backend {
        case .file: enqueue(request)
        case .log: done(request, 0)
        case .host(let backend):
            if let result = backend.submit(request) { done(request, result) }
        }
    }

    private func enqueue(_ request: BlockRequest) {
        guard let workers, workers.add(request) else { return finish(request, -EIO) }
    }

    /// The result of a request that needs no backend.
    private func refusal(_ request: BlockRequest) -> Int32? {
        if request.operation == .flush { return nil }
        let (end, overflow) = request.offset.addingReportingOverflow(UInt64(request.length))
        if overflow || end > UInt64(max(length, 0)) { return -EIO }
        return request.operation != .read && isReadOnly ? -EROFS : nil
    }

    /// Runs on a worker.
    private func perform(_ request: BlockRequest) {
        if let overlay, request.operation == .flush { return finish(request, overlay.perform(request)) }
        guard case .file(let file) = backend else { return finish(request, -ENOTSUP) }
        let result: Int32
        switch request.operation {
        case .read: result = file.read(request.buffer, at: request.offset)
        case .write:
            result = sync(
                file, request, file.write(UnsafeRawBufferPointer(request.buffer), at: request.offset))
        case .zeroes:
            let range = request.offset..<request.offset &+ UInt64(request.length)
            result = sync(file, request, file.writeZeroes(range))
        case .discard: result = 0
        case .flush: result = file.sync()
        }
        done(request, result)
    }

    private func sync(_ file: DataFile, _ request: BlockRequest, _ result: Int32) -> Int32 {
        result >= 0 && request.flags & UInt32(REPLAY_BLOCK_FUA) != 0 ? file.sync() : result
    }

    private func finish(_ request: BlockRequest, _ result: Int32) { done(request, result) }

    /// A backend has finished the request. Called on any thread.
    /// - Returns: false in a forked child.
    @discardableResult
    func done(_ request: BlockRequest, _ result: Int32) -> Bool {
        if session.isForked { return false }
        request.result = min(result, 0)
        let id = request.id
        // In mode NONE the completion runs here, on a thread that may have a different current session.
        session.asCurrent { _ = session.post(.request(request)) }
        session.noteCompletion()
        // Only now: a request that is neither at work nor queued must never arrive.
        underWay.withLock { _ = $0.remove(id) }
        return true
    }

    // MARK: Requests under way

    private func noteSubmission(of request: BlockRequest) {
        count.add(1, ordering: .relaxed)
        underWay.withLock { _ = $0.insert(request.id) }
    }

    func noteCompletion() { count.subtract(1, ordering: .relaxed) }

    var isOfFile: Bool { if case .file = backend { true } else { false } }
    var hasRequestsUnderWay: Bool { underWay.withLock { !$0.isEmpty } }
    func isAtWork(_ id: UInt64) -> Bool { underWay.withLock { $0.contains(id) } }
    var isIdle: Bool { count.load(ordering: .relaxed) == 0 }

    /// Waits until no request is pending.
    func close() {
        workers?.stop()
        workers = nil
        if case .host(let backend) = backend { backend.close() }
    }
}
