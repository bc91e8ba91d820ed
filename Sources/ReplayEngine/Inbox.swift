import CReplay
import ReplayLog

package typealias Callback = @convention(c) (UnsafeMutableRawPointer?) -> Void

/// An event that waits for a flush.
enum QueuedEvent {
    case bottomHalf(Callback, UnsafeMutableRawPointer?, id: UInt64, oneshot: Bool)
    case input(replay_input_event_t)
    case inputSync
    case charRead(device: Int, Payload)
    /// A completion of a host's own block layer.
    case block(Callback, UnsafeMutableRawPointer?, id: UInt64)
    /// The same with its result.
    case blockResult(HostCompletion)
    /// A completion of the block filter.
    case request(BlockRequest)
    case net(NetFilter, flags: UInt32, Payload)

    var isBottomHalf: Bool { if case .bottomHalf = self { true } else { false } }

    /// Input from outside: in PLAY it comes from the log instead.
    var isExternal: Bool {
        switch self {
        case .input, .inputSync, .charRead, .net: true
        case .bottomHalf, .block, .blockResult, .request: false
        }
    }
}

/// The queue of asynchronous events. Any thread puts events in; the flush takes
/// them out, in the order of arrival.
final class Inbox: Sendable {
    private let events = Locked<[QueuedEvent]>([])

    func put(_ event: QueuedEvent) { events.withLock { $0.append(event) } }

    /// All that arrived so far.
    func takeAll() -> [QueuedEvent] {
        events.withLock { events in
            let taken = events
            events = []
            return taken
        }
    }

    /// Drops those that `unwanted` names.
    func drop(_ unwanted: (QueuedEvent) -> Bool) { events.withLock { $0.removeAll(where: unwanted) } }

    var count: Int { events.withLock { $0.count } }
}
