import ReplayLog
import ReplaySystem

package typealias Callback = @convention(c) (UnsafeMutableRawPointer?) -> Void

/// An event that waits for a flush.
enum QueuedEvent {
    /// It has no number if it was scheduled while events were disabled: see ``isUnwritten``.
    case bottomHalf(Callback, UnsafeMutableRawPointer?, id: UInt64?, oneshot: Bool)
    case input(InputFields)
    case inputSync
    case charRead(device: Int, RawBuffer)
    /// A completion of a host's own block layer.
    case block(Callback, UnsafeMutableRawPointer?, id: UInt64)
    /// The same with its result.
    case blockResult(HostCompletion)
    /// A completion of the block filter.
    case request(BlockRequest)
    case net(NetFilter, flags: UInt32, RawBuffer)

    var isBottomHalf: Bool { if case .bottomHalf = self { true } else { false } }

    /// Begun while events were disabled: the next flush runs it, unrecorded.
    var isUnwritten: Bool {
        switch self {
        case .bottomHalf(_, _, let id, _): id == nil
        case .block(_, _, let id): RequestID.isUnwritten(id)
        case .blockResult(let completion): RequestID.isUnwritten(completion.id)
        case .request(let request): request.isUnwritten
        case .input, .inputSync, .charRead, .net: false
        }
    }

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
    private let events = Locked(EventChain())

    deinit { events.withLock { while $0.popFirst() != nil {} } }

    /// - Returns: false if memory runs out.
    func put(_ event: QueuedEvent) -> Bool {
        guard let node = EventChain.makeNode() else { return false }
        put(event, in: node)
        return true
    }

    /// The same with memory that the event's owner has reserved.
    func put(_ event: QueuedEvent, in node: EventChain.Node) {
        events.withLock { $0.append(event, in: node) }
    }

    /// Everything that arrived so far.
    func takeAll() -> EventChain {
        events.withLock { events in
            defer { events = EventChain() }
            return events
        }
    }

    /// Only the unrecorded ones; the others stay.
    func takeUnwritten() -> EventChain {
        events.withLock { events in
            var (kept, taken) = (EventChain(), EventChain())
            while let event = events.first {
                if event.isUnwritten { events.moveFirst(to: &taken) } else { events.moveFirst(to: &kept) }
            }
            events = kept
            return taken
        }
    }

    /// Puts back events that couldn't be handled, before everything that arrived since.
    func putBack(_ chain: EventChain) {
        events.withLock { events in
            var all = chain
            all.append(events)
            events = all
        }
    }

    /// Drops those that `unwanted` names.
    func drop(_ unwanted: (QueuedEvent) -> Bool) {
        let dropped = events.withLock { events in
            var (kept, dropped) = (EventChain(), EventChain())
            while let event = events.first {
                if unwanted(event) { events.moveFirst(to: &dropped) } else { events.moveFirst(to: &kept) }
            }
            events = kept
            return dropped
        }
        for _ in dropped {}
    }

    func has(_ isWanted: (QueuedEvent) -> Bool) -> Bool { events.withLock { $0.has(isWanted) } }

    var count: Int { events.withLock { $0.count } }
}
