import ReplayLog

/// The next event, and the last ones that were consumed, for the report of a divergence: a ring of plain
/// memory that the reader decodes into, because every event comes by here.
struct EventRing {
    private static let capacity: UInt64 = 16
    /// How many of the consumed ones are described.
    private static let described: UInt64 = 8
    private let events: UnsafeMutablePointer<Event>
    /// Where the next event is, or will be.
    private(set) var next: UnsafeMutablePointer<Event>
    /// Events that were consumed.
    private var consumed: UInt64 = 0

    init() {
        let capacity = Int(Self.capacity)
        events = .allocate(capacity: capacity)
        events.initialize(
            repeating: Event(kind: 0, role: .vcpu, icount: 0, index: 0), count: capacity)
        next = events
    }

    func deallocate() { events.deallocate() }

    /// The next event is consumed: it becomes the last one.
    @inline(__always)
    mutating func advance() {
        consumed &+= 1
        next = place(consumed)
    }

    @inline(__always)
    private func place(_ number: UInt64) -> UnsafeMutablePointer<Event> {
        events + Int(truncatingIfNeeded: number & (Self.capacity &- 1))
    }

    /// A line each, the oldest first.
    var description: String {
        let held = min(consumed, Self.described)
        return ((consumed &- held)..<consumed).map { Self.describe(place($0).pointee) }
            .joined(separator: "\n")
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
