import Glibc
import ReplayLog
import ReplaySystem

/// An operation that a guest requests from a disk.
package enum BlockOperation: UInt8 {
    case read
    case write
    case zeroes
    case discard
    case flush

    var name: String {
        switch self {
        case .read: "read"
        case .write: "write"
        case .zeroes: "write of zeroes"
        case .discard: "discard"
        case .flush: "flush"
        }
    }
}

/// A request: submitted by the guest, carried out by a backend, completed at
/// a flush of the queue.
package final class BlockRequest: @unchecked Sendable {
    // Sendable: one thread at a time works on it; queues pass it on.

    typealias Completion = @convention(c) (UnsafeMutableRawPointer?, Int32) -> Void

    let disk: BlockDisk
    let id: UInt64
    package let operation: BlockOperation
    package let offset: UInt64
    package let length: Int
    package let flags: UInt32
    /// Guest memory of a read; it changes only at the completion.
    private let pieces: [iovec]
    /// The data; empty for operations without data.
    package let buffer: RawBuffer
    private let completion: Completion
    private let opaque: UnsafeMutableRawPointer?
    /// 0, or a negative errno.
    var result: Int32 = 0
    /// Its memory in the queue, reserved so that a completion can't fail for lack of memory.
    private var queueNode: EventChain.Node?
    /// Submitted while events were disabled: its completion isn't recorded.
    var isUnwritten = false
    /// Was the overlay applied?
    private var isSettled = false
    private let generation: UInt32
    /// The replay has gone to a different place since it was submitted.
    var isAbandoned: Bool { generation != disk.currentGeneration }

    /// nil if memory runs out.
    init?(
        _ disk: BlockDisk, id: UInt64, _ operation: BlockOperation, offset: UInt64, length: Int,
        flags: UInt32,
        pieces: [iovec], completion: @escaping Completion, opaque: UnsafeMutableRawPointer?
    ) {
        let carriesData = operation == .read || operation == .write
        guard let node = EventChain.makeNode() else { return nil }
        // A write without pieces is a write of zeroes, for a backend that has no operation for these.
        let given = operation == .write ? pieces : []
        guard let buffer = RawBuffer(given, count: carriesData ? length : 0) else {
            EventChain.discard(node)
            return nil
        }
        queueNode = node
        self.buffer = buffer
        self.disk = disk
        generation = disk.currentGeneration
        self.id = id
        self.operation = operation
        self.offset = offset
        self.length = length
        self.flags = flags
        self.pieces = operation == .read ? pieces : []
        self.completion = completion
        self.opaque = opaque
    }

    deinit { if let queueNode { EventChain.discard(queueNode) } }

    func takeQueueNode() -> EventChain.Node? {
        defer { queueNode = nil }
        return queueNode
    }

    /// Must what it changes be on the disk when it completes?
    var isForced: Bool { flags & BlockRequest.forced != 0 }
    /// The public header's flag.
    static let forced: UInt32 = 1

    /// The digest of the data that was read.
    var digest: UInt64 { Checksum.xxh3(buffer.readOnly) }

    /// Called at the completion, on the thread that flushes. Written data goes into the overlay; data that
    /// was read is patched with what the overlay has. So a request sees exactly
    /// the requests that were completed before it, in PLAY as in RECORD.
    func settle() {
        guard !isSettled else { return }
        isSettled = true
        guard result >= 0, operation != .flush, let overlay = disk.overlay else { return }
        do throws(SystemError) { try overlay.perform(self) } catch { result = error.guestResult }
    }

    /// Had the overlay no room for what is written?
    var isWithoutRoom: Bool {
        operation != .read && operation != .flush && disk.overlay != nil
            && Overlay.isFull(SystemError(0 &- result))
    }

    /// There is room now.
    func settleAgain() {
        (isSettled, result) = (false, 0)
        settle()
    }

    /// PLAY: completes the request as it was recorded, without the overlay.
    func settle(as recorded: Int32) {
        isSettled = true
        result = recorded
    }

    /// The completion: the only place where the guest's memory changes.
    func reachGuest() {
        if isAbandoned { return disk.drop() }
        disk.complete(self) {
            settle()
            if operation == .read, result >= 0 { buffer.scatter(to: pieces) }
            completion(opaque, result)
        }
    }

    /// "read 12 of disk0 at 4096, 512 bytes"
    var description: String {
        operation == .flush
            ? "\(operation.name) \(id) of \(disk.name)"
            : "\(operation.name) \(id) of \(disk.name) at offset \(offset), \(length) bytes"
    }
}

/// Requests that a backend of the host works on, by the handle that it has.
final class RequestHandles: Sendable {
    static let shared = RequestHandles()

    private struct Content {
        var requests: [UInt: BlockRequest] = [:]
        var next: UInt = 1
    }
    private let content = Locked(Content(), lastsForEver: true)

    func add(_ request: BlockRequest) -> UInt {
        content.withLock { content in
            let handle = content.next
            content.next &+= 1
            content.requests[handle] = request
            return handle
        }
    }

    /// nil: it is already done, or never existed.
    func take(_ handle: UInt) -> BlockRequest? {
        content.withLock { $0.requests.removeValue(forKey: handle) }
    }
}
