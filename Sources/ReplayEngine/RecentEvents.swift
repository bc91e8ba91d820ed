import ReplayLog

/// The last events that were consumed, for the report of a divergence.
final class RecentEvents {
    private static let capacity: UInt64 = 8
    /// A ring of plain memory: every event comes by here.
    private let events: UnsafeMutablePointer<Event>
    /// The number of the event behind the last one.
    private(set) var count: UInt64 = 0
    private var held: UInt64 = 0

    init() {
        let capacity = Int(Self.capacity)
        events = .allocate(capacity: capacity)
        events.initialize(
            repeating: Event(kind: 0, role: .vcpu, icount: 0, index: 0), count: capacity)
    }

    deinit { events.deallocate() }

    func note(_ event: Event) {
        let place = self.place(event.index)
        place.pointee = event
        // They are the reader's, and gone with its next event.
        place.pointee.bytes = UnsafeRawBufferPointer(start: nil, count: 0)
        count = event.index &+ 1
        held = min(held &+ 1, Self.capacity)
    }

    private func place(_ index: UInt64) -> UnsafeMutablePointer<Event> {
        events + Int(truncatingIfNeeded: index % Self.capacity)
    }

    /// A line each, the oldest first.
    var description: String {
        ((count &- held)..<count).map { Self.describe(place($0).pointee) }.joined(separator: "\n")
    }

    static func describe(_ event: Event) -> String {
        let name = event.knownKind.map { "\($0.name)" } ?? "kind \(event.kind)"
        return
            "event \(event.index), \(name) of the \(event.role.threadName) thread, at icount \(event.icount)"
    }
}

extension ThreadRole {
    var threadName: String { self == .io ? "I/O" : "vCPU" }
}
