import CReplay
import Synchronization

package typealias Callback = @convention(c) (UnsafeMutableRawPointer?) -> Void

/// An event that waits for a flush.
enum QueuedEvent {
    case bottomHalf(Callback, UnsafeMutableRawPointer?, id: UInt64, oneshot: Bool)
    case input(replay_input_event_t)
    case inputSync
    case charRead(device: Int, [UInt8])
    /// A completion of a host's own block layer.
    case block(Callback, UnsafeMutableRawPointer?, id: UInt64)
    /// A completion of the block filter.
    case request(BlockRequest)
    case net(NetFilter, flags: UInt32, [UInt8])

    /// Input from outside: in PLAY it comes from the log instead.
    var isExternal: Bool {
        switch self {
        case .input, .inputSync, .charRead, .net: true
        case .bottomHalf, .block, .request: false
        }
    }
}

/// The queue of asynchronous events. Any thread puts events in; the flush takes
/// them out, in the order of arrival.
final class Inbox: Sendable {
    // The events carry the host's pointers, which are the host's to share.
    private struct Content: @unchecked Sendable { var events: [QueuedEvent] = [] }
    private let content = Mutex(Content())

    func put(_ event: QueuedEvent) {
        let box = Content(events: [event])
        content.withLock { $0.events += box.events }
    }

    /// All that arrived so far.
    func takeAll() -> [QueuedEvent] {
        content.withLock { content in
            let taken = Content(events: content.events)
            content.events.removeAll()
            return taken
        }.events
    }

    /// Drops those that `unwanted` names.
    func drop(_ unwanted: @Sendable (QueuedEvent) -> Bool) {
        content.withLock { $0.events.removeAll(where: unwanted) }
    }

    var count: Int { content.withLock { $0.events.count } }
}
