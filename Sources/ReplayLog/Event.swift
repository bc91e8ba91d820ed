/// One event of a log, decoded: its place and values are absolute.
package struct Event {
    /// The kind's number in the file. The log's table of kinds has it; this library may not know it.
    package var kind: UInt8
    package var role: ThreadRole
    /// The number of guest instructions before the event.
    package var icount: UInt64
    /// The event's number in the whole log, from 0.
    package var index: UInt64
    /// The payload's integers in the order of its layout; `u` and `q` as bit patterns.
    package var a: Int64
    package var b: Int64
    package var c: Int64
    package var d: Int64
    package var e: Int64
    package var f: Int64
    /// The `b` field. Valid until the reader's next call.
    package var bytes: UnsafeRawBufferPointer

    /// Nil if only a later library knows the kind.
    package var knownKind: EventKind? { EventKind(rawValue: kind) }

    package init(
        kind: UInt8, role: ThreadRole, icount: UInt64, index: UInt64, a: Int64 = 0, b: Int64 = 0,
        c: Int64 = 0,
        d: Int64 = 0, e: Int64 = 0, f: Int64 = 0, bytes: UnsafeRawBufferPointer = .init(start: nil, count: 0)
    ) {
        self.kind = kind
        self.role = role
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
