import ReplayLog
import Synchronization

/// The asynchronous events of a session that the guest has not had yet.
final class EventQueue: @unchecked Sendable {
    // Sendable: the inbox and the requests guard themselves; the owner of the replay lock has the rest.

    /// What any thread has put in.
    let inbox = Inbox()
    /// PLAY: completions and bottom halves that have arrived before their place.
    var arrived: [ArrivalKey: QueuedEvent] = [:] {
        didSet { arrivedCount.store(arrived.count, ordering: .relaxed) }
    }
    private let arrivedCount = Atomic<Int>(0)
    /// Requests of the host's own block layer that are not yet done, by their ids.
    let hostRequests = Locked<Set<UInt64>>([])

    /// For any thread.
    var count: Int { inbox.count + arrivedCount.load(ordering: .relaxed) }

    func removeAll() {
        arrived.removeAll()
        for _ in inbox.takeAll() {}
        hostRequests.withLock { $0.removeAll() }
    }
}
