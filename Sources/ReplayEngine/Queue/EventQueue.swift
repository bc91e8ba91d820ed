import ReplayLog
import ReplaySystem
import Synchronization

/// The asynchronous events of a session that haven't reached the guest yet.
final class EventQueue: @unchecked Sendable {
    // Sendable: the inbox and the requests guard themselves; the replay lock guards the rest.

    /// Events that any thread has posted.
    let inbox = Inbox()
    /// PLAY: completions and bottom halves that arrived before their place.
    var arrived: [ArrivalKey: QueuedEvent] = [:] {
        didSet { arrivedCount.store(arrived.count, ordering: .relaxed) }
    }
    private let arrivedCount = Atomic<Int>(0)
    /// Pending requests of the host's own block layer, by their ids.
    let hostRequests = Locked<Set<UInt64>>([])

    /// For any thread.
    var count: Int { inbox.count + arrivedCount.load(ordering: .relaxed) }

    /// Is anything here that holds a callback of the host?
    ///
    /// - Parameter resubmitting: what the host submits again doesn't count.
    func holdsCallbacks(resubmitting: Bool) -> Bool {
        func holds(_ event: QueuedEvent) -> Bool {
            !event.isExternal && !(resubmitting && event.request?.disk.resubmits == true)
        }
        return arrived.values.contains(where: holds) || inbox.has(holds)
    }

    /// PLAY becomes RECORD: what has arrived waits for the next flush, before what comes now.
    func returnArrived() {
        var chain = EventChain()
        for event in arrived.values.sorted(by: { $0.order < $1.order }) {
            guard let node = EventChain.makeNode() else { break }
            chain.append(event, in: node)
        }
        arrived.removeAll()
        inbox.putBack(chain)
    }

    /// PLAY goes to a different place: nothing of this reaches the guest.
    func abandon() {
        for event in arrived.values { event.request?.reachGuest() }
        arrived.removeAll()
        for event in inbox.takeAll() { event.request?.reachGuest() }
        hostRequests.withLock { $0.removeAll() }
    }

    func removeAll() {
        arrived.removeAll()
        for _ in inbox.takeAll() {}
        hostRequests.withLock { $0.removeAll() }
    }
}
