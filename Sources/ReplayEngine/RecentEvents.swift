import ReplayLog

/// The last events that were consumed, for the report of a divergence.
struct RecentEvents {
    private static let capacity = 8
    private var events: [Event] = []
    private(set) var count: UInt64 = 0

    init() { events.reserveCapacity(Self.capacity) }

    mutating func note(_ event: Event) {
        var event = event
        event.bytes = UnsafeRawBufferPointer(start: nil, count: 0)
        if events.count < Self.capacity {
            events.append(event)
        } else {
            events[Int(truncatingIfNeeded: count % UInt64(Self.capacity))] = event
        }
        count = event.index &+ 1
    }

    /// A line each, the oldest first.
    var description: String {
        events.sorted { $0.index < $1.index }.map(Self.describe).joined(separator: "\n")
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
