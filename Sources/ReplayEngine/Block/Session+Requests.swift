import CReplay
import Glibc
import ReplayLog
import ReplaySystem

/// Requests of the block filter: submitted, recorded, replayed.
extension Session {
    // MARK: Submission

    package func submit(
        _ handle: UInt, _ operation: BlockRequestKind, offset: UInt64, length: UInt64, pieces: [iovec] = [],
        flags: UInt32, _ completion: @escaping @convention(c) (UnsafeMutableRawPointer?, Int32) -> Void,
        _ opaque: UnsafeMutableRawPointer?
    ) -> Status {
        if let refusal = refusalOfRequest(operation.function) { return refusal }
        guard let disk = devices.disk(handle) else { return noDisk(operation.function) }
        var what = operation.operation
        if what == .zeroes, disk.writesZeroes { what = .write }
        let isData = what == .read || what == .write
        guard let length = Int(exactly: length), !isData || length <= Self.longestPayload else {
            return misuse(.invalidArgument, "a request of \(length) bytes is too long")
        }
        var again: PendingRequest?
        switch resubmission(disk, what, offset: offset, length: length, flags: flags) {
        case .no: break
        case .yes(let request): again = request
        case .refused(let status): return status
        }
        let data = again?.data.map { [iovec(iov_base: $0.start, iov_len: $0.capacity)] }
        guard disk.hasRoom,
            let request = BlockRequest(
                disk, id: again?.id ?? drawRequestID(), what, offset: offset, length: length, flags: flags,
                pieces: data ?? pieces, completion: completion, opaque: opaque)
        else { return memoryRanOut(for: "a request of \(length) bytes") }
        request.isUnwritten = again == nil && isUnwrittenNow
        // A backend of the host may run here.
        calling { disk.submit(request) }
        return .ok
    }

    package static func complete(_ handle: UInt, _ result: Int32) -> Bool {
        guard let request = RequestHandles.shared.take(handle) else { return false }
        return request.disk.done(request, result: result)
    }

    // MARK: Completions: record

    /// Records the completion of a request: its result, and the digest or data of a read.
    func write(_ request: BlockRequest) -> Bool {
        request.settle()
        let (id, result) = (request.id, request.result)
        guard request.operation == .read, result >= 0 else {
            return write(.block(request: id, result: result))
        }
        return options.blockData
            ? write(.blockData(request: id, result: result, request.buffer.readOnly))
            : write(.blockRead(request: id, result: result, dataDigest: request.digest))
    }

    // MARK: Completions: play

    /// Sets a request's recorded result. False if it can't be the recorded request.
    func prepareReplay(of request: BlockRequest, _ event: Event) -> Bool {
        let recorded = event.requestResult
        let carriesRead = event.knownKind != .block
        guard carriesRead == (request.operation == .read && recorded >= 0) else {
            diverge(request.description, device: request.disk.name)
            return false
        }
        if recorded >= 0, refuses(request) || !reproduce(request, event) { return false }
        request.settle(as: recorded)
        return true
    }

    /// Did its disk refuse a request that succeeded while recording? Then the guest has asked for something different.
    private func refuses(_ request: BlockRequest) -> Bool {
        guard request.result < 0, let refusal = request.refusal else { return false }
        let reason = refusal.number == EROFS ? "but the disk is read-only" : "beyond the end of the disk"
        diverge(
            "\(request.description), \(reason); the recording's request succeeded",
            device: request.disk.name)
        return true
    }

    /// Reproduces the data of a read, or the effect of a write.
    private func reproduce(_ request: BlockRequest, _ event: Event) -> Bool {
        if event.knownKind == .blockData {
            guard event.bytes.count == request.buffer.capacity else {
                return differs(request, "a request of a different length")
            }
            request.buffer.bytes.copyMemory(from: event.bytes)
            return true
        }
        request.settle()
        if request.isWithoutRoom, travel.snapshots?.dropDisks() == true { request.settleAgain() }
        if request.result == -ENOMEM {
            memoryRanOut(for: request.description)
            return false
        }
        guard request.result >= 0 else {
            if request.operation != .read, request.disk.overlay != nil { return overlayFailed(request) }
            return differs(request, "error \(-Int64(request.result))")
        }
        guard request.operation == .read else { return true }
        return request.digest == event.dataDigest || differs(request, "different data")
    }

    /// The overlay didn't take what it took while recording: that says nothing about the guest.
    private func overlayFailed(_ request: BlockRequest) -> Bool {
        let cause = SystemError(0 &- request.result)
        var error = ReplayError(
            Overlay.isFull(cause) ? .diskFull : .system,
            "\(request.description) can't be replayed: its overlay can't be written: \(cause) "
                + "(the option rroverlay names the folder for temporary overlays)", at: self)
        (error.device, error.systemError) = (request.disk.name, cause.number)
        fail(error, .logError)
        return false
    }

    private func differs(_ request: BlockRequest, _ found: String) -> Bool {
        diverge(
            "\(found) in \(request.description)", status: .blockData,
            expected: "what \(request.disk.name) returned while recording", device: request.disk.name)
        return false
    }
}

/// A request as the C interface submits it.
package enum BlockRequestKind {
    case read
    case write
    case zeroes
    case discard
    case flush

    var operation: BlockOperation {
        switch self {
        case .read: .read
        case .write: .write
        case .zeroes: .zeroes
        case .discard: .discard
        case .flush: .flush
        }
    }

    var function: StaticString {
        switch self {
        case .read: "replay_block_read"
        case .write: "replay_block_write"
        case .zeroes: "replay_block_zeroes"
        case .discard: "replay_block_discard"
        case .flush: "replay_block_flush"
        }
    }
}
