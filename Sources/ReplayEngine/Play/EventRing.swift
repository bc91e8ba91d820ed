import ReplayLog

/// The next event, and the last ones that were consumed, for the report of a divergence. It is a ring of plain
/// memory into which the reader decodes, because every event passes through here.
struct EventRing {
    private static let capacity = 16
    /// How many consumed events a report describes.
    private static let described = 8
    private let events: UnsafeMutablePointer<Event>
    private let end: UnsafeMutablePointer<Event>
    /// The place of the next event.
    private(set) var next: UnsafeMutablePointer<Event>

    init() {
        events = .allocate(capacity: Self.capacity)
        events.initialize(
            repeating: Event(kind: EventHead.none, role: .vcpu, icount: 0, index: 0), count: Self.capacity)
        end = events + Self.capacity
        next = events
    }

    func deallocate() { events.deallocate() }

    /// Consumes the next event, which becomes the last one.
    @inline(__always)
    mutating func advance() {
        let following = next + 1
        next = following == end ? events : following
    }

    /// The event that was consumed last, if it is known.
    var last: Event? {
        let place = next == events ? end - 1 : next - 1
        return place.pointee.head == EventHead.none ? nil : place.pointee
    }

    /// What was consumed belongs to a different course.
    func forget() {
        for place in 0..<Self.capacity where events + place != next { events[place].head = EventHead.none }
    }

    /// The next event is this one again.
    func restore(_ event: Event) { next.pointee = event }

    /// One line for each, oldest first.
    var description: String {
        let place = next - events
        let consumed = (1..<Self.capacity).map { events[(place + $0) % Self.capacity] }
        return consumed.filter { $0.head != EventHead.none }.suffix(Self.described).map(Self.describe)
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
