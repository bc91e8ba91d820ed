/// One event of a log, decoded: its place and values are absolute.
public struct Event {
    /// Kind and role as an event's first byte has them: ``EventHead``.
    public var head: UInt8
    /// The number of guest instructions before the event.
    public var icount: UInt64
    /// The event's number in the whole log, from 0.
    public var index: UInt64
    /// The payload's integers in the order of its layout; `u` and `q` as bit patterns.
    public var a: Int64
    public var b: Int64
    public var c: Int64
    public var d: Int64
    public var e: Int64
    public var f: Int64
    /// The `b` field, of a kind that has one. Valid until the reader's next call.
    public var bytes: UnsafeRawBufferPointer

    /// The kind as the file has it; the log's table of kinds knows it, this library perhaps not.
    @inlinable public var kind: UInt8 { EventHead.kind(head) }
    @inlinable public var role: ThreadRole { EventHead.role(head) }

    /// Nil for a kind of a later library.
    public var knownKind: EventKind? { EventKind(rawValue: kind) }

    public init(
        kind: UInt8, role: ThreadRole, icount: UInt64, index: UInt64, a: Int64 = 0, b: Int64 = 0,
        c: Int64 = 0,
        d: Int64 = 0, e: Int64 = 0, f: Int64 = 0, bytes: UnsafeRawBufferPointer = .init(start: nil, count: 0)
    ) {
        head = EventHead.make(kind, role)
        self.icount = icount
        self.index = index
        self.a = a
        self.b = b
        self.c = c
        self.d = d
        self.e = e
        self.f = f
        self.bytes = bytes
    }
}
