/// An event's first byte: the kind in bits 0 to 5, in bit 6 whether the icount is that of the event before, in
/// bit 7 the role.
public enum EventHead {
    /// For what comes after the last event.
    @inlinable public static var none: UInt8 { 0 }
    @inlinable static var samePlace: UInt8 { 0x40 }

    @inlinable @inline(__always)
    public static func make<Number: FixedWidthInteger>(_ kind: Number, _ role: ThreadRole) -> Number {
        kind & 63 | (role == .io ? 0x80 : 0)
    }

    @inlinable @inline(__always)
    public static func kind(_ head: UInt8) -> UInt8 { head & 63 }

    @inlinable @inline(__always)
    public static func role(_ head: UInt8) -> ThreadRole { head & 0x80 == 0 ? .vcpu : .io }
}
