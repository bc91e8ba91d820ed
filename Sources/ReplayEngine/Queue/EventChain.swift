import ReplayLog
import ReplaySystem

/// A list of events, each in its own memory: see ``CheckedMemory``.
///
/// The owner of a chain must take all events out of it; iterating does so.
struct EventChain: Sequence, IteratorProtocol {
    struct Link {
        var event: QueuedEvent
        var next: Node?
    }
    typealias Element = QueuedEvent
    typealias Node = UnsafeMutablePointer<Link>

    private var head: Node?
    private var tail: Node?
    private(set) var count = 0

    init() {}

    /// Memory for one event, not initialised; nil if memory runs out.
    static func makeNode() -> Node? {
        CheckedMemory.allocate(MemoryLayout<Link>.size)?.bindMemory(to: Link.self, capacity: 1)
    }

    /// Frees memory that wasn't used for an event.
    static func discard(_ node: Node) { CheckedMemory.free(node) }

    /// Looks at all events, and takes none out.
    func has(_ isWanted: (QueuedEvent) -> Bool) -> Bool {
        var next = head
        while let node = next {
            if isWanted(node.pointee.event) { return true }
            next = node.pointee.next
        }
        return false
    }

    var first: QueuedEvent? { head?.pointee.event }

    mutating func append(_ event: QueuedEvent, in node: Node) {
        node.initialize(to: Link(event: event, next: nil))
        link(node)
    }

    mutating func append(_ other: EventChain) {
        guard let first = other.head else { return }
        if let tail { tail.pointee.next = first } else { head = first }
        tail = other.tail
        count &+= other.count
    }

    mutating func popFirst() -> QueuedEvent? {
        guard let node = unlink() else { return nil }
        let event = node.move().event
        CheckedMemory.free(node)
        return event
    }

    mutating func next() -> QueuedEvent? { popFirst() }

    mutating func moveFirst(to other: inout EventChain) {
        if let node = unlink() { other.link(node) }
    }

    private mutating func link(_ node: Node) {
        if let tail { tail.pointee.next = node } else { head = node }
        tail = node
        count &+= 1
    }

    private mutating func unlink() -> Node? {
        guard let node = head else { return nil }
        head = node.pointee.next
        if head == nil { tail = nil }
        node.pointee.next = nil
        count &-= 1
        return node
    }
}
