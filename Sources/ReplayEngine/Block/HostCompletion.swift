import CReplay
import Glibc
import ReplayLog
import ReplaySystem

/// The numbers of block requests: two sequences, so that no number is drawn twice.
enum RequestID {
    /// Set in the number of a request that begins while events are disabled, and isn't recorded.
    static let unwritten: UInt64 = 1 << 63
    static func isUnwritten(_ id: UInt64) -> Bool { id & unwritten != 0 }
}

/// The end of a request of the host's own block layer, with its result.
final class HostCompletion: @unchecked Sendable {
    // Sendable: one thread at a time works on it; the queue hands it over.

    private let completion: BlockRequest.Completion
    private let opaque: UnsafeMutableRawPointer?
    let id: UInt64
    /// 0 or more, or a negative errno; in PLAY the recorded one.
    var result: Int32
    /// The digest of the data that was read, if there was any.
    let digest: UInt64?

    init(
        _ completion: @escaping BlockRequest.Completion, _ opaque: UnsafeMutableRawPointer?, id: UInt64,
        result: Int32, digest: UInt64?
    ) {
        self.completion = completion
        self.opaque = opaque
        self.id = id
        self.result = result
        self.digest = result >= 0 ? digest : nil
    }

    func reachGuest() { completion(opaque, result) }
}

/// Requests of the host's own block layer.
extension Session {
    /// They draw their numbers here, and are completed by ``postBlock(_:_:id:)``.
    package func nextBlockID() -> UInt64 {
        if isIdle { return 0 }
        if refusal(.either, "blkreplay_next_id") != nil { return .max }
        let id = drawRequestID()
        if !RequestID.isUnwritten(id) { queue.hostRequests.withLock { _ = $0.insert(id) } }
        return id
    }

    package func postBlock(_ callback: @escaping Callback, _ opaque: UnsafeMutableRawPointer?, id: UInt64)
        -> Status
    {
        postCompletion(.block(callback, opaque, id: id), id)
    }

    package func postBlock(
        _ completion: @escaping @convention(c) (UnsafeMutableRawPointer?, Int32) -> Void,
        _ opaque: UnsafeMutableRawPointer?, id: UInt64, result: Int32, _ pieces: [iovec], length: Int
    ) -> Status {
        var digest: UInt64?
        if !isIdle, result >= 0, !pieces.isEmpty {
            guard let found = Self.digest(pieces, length) else {
                return misuse(.noMemory, "memory ran out for \(length) bytes of request \(id)")
            }
            digest = found
        }
        let end = HostCompletion(completion, opaque, id: id, result: result, digest: digest)
        return postCompletion(.blockResult(end), id)
    }

    /// If memory runs out the request stays pending, and the host can try again.
    private func postCompletion(_ event: QueuedEvent, _ id: UInt64) -> Status {
        let status = post(event)
        if status == .ok { noteHostCompletion(id) }
        return status
    }

    private static func digest(_ pieces: [iovec], _ length: Int) -> UInt64? {
        if pieces.count == 1 {
            return Checksum.xxh3(UnsafeRawBufferPointer(start: pieces[0].iov_base, count: length))
        }
        return RawBuffer(pieces, count: length).map { Checksum.xxh3($0.readOnly) }
    }

    private func noteHostCompletion(_ id: UInt64) {
        if isIdle { return }
        noteCompletion()
        queue.hostRequests.withLock { _ = $0.remove(id) }
    }

    /// Is request `id` pending in a backend of the library or the host?
    /// If the last one has just finished, the vCPU has the time limit of a stall to flush it.
    func isAtWork(_ id: UInt64) -> Bool {
        let limit = Int64(options.stallMilliseconds) * 1_000_000
        if replay_monotonic_ns() &- limit < shared.lastCompletion.load(ordering: .relaxed) { return true }
        return queue.hostRequests.withLock { $0.contains(id) } || devices.isAtWork(id)
    }

    /// Before the request counts as done.
    func noteCompletion() { shared.lastCompletion.store(replay_monotonic_ns(), ordering: .relaxed) }

    /// Is any?
    var hasRequestsUnderWay: Bool {
        queue.hostRequests.withLock { !$0.isEmpty } || devices.hasRequestsUnderWay
    }

    /// The same, and those whose completion waits for its place.
    var hasRequestsAtWork: Bool { queue.hostRequests.withLock { !$0.isEmpty } || devices.hasRequests }

    /// Does one prevent a snapshot in memory? Those that the host submits again don't.
    var hasRequestsThatBarSnapshots: Bool {
        queue.hostRequests.withLock { !$0.isEmpty } || devices.barSnapshots
    }

    // MARK: Record and play

    func write(_ completion: HostCompletion) -> Bool {
        let (id, result) = (completion.id, completion.result)
        guard let digest = completion.digest else { return write(.block(request: id, result: result)) }
        return write(.blockRead(request: id, result: result, dataDigest: digest))
    }

    /// Sets a completion's recorded result. False if its data differs from the recording.
    func prepareReplay(of completion: HostCompletion, _ event: Event) -> Bool {
        let request = "request \(completion.id)"
        if event.knownKind == .blockData { return diverge("\(request) of the host's block layer") == .ok }
        if event.knownKind == .blockRead {
            let recorded = event.dataDigest
            let found: String?
            if completion.result < 0 {
                found = "error \(-Int64(completion.result))"
            } else if let digest = completion.digest {
                found = digest == recorded ? nil : "different data"
            } else {
                found = "no data"
            }
            if let found {
                diverge(
                    "\(found) in \(request)", status: .blockData,
                    expected: "what \(request) read while recording")
                return false
            }
        }
        completion.result = event.requestResult
        return true
    }
}
