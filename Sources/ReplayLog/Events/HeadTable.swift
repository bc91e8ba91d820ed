/// How long the encodings of two small numbers are, by their highest bit: what saves ``EventEncoder`` the
/// shifts that would compute it. Plain memory after the encoder's clocks, so that one register reaches both.
public enum HeadTable {
    /// Rows: one for each place of the highest bit.
    @usableFromInline static let rows = 32
    static let count = 4 * rows

    @inlinable @inline(__always)
    public static func row(_ value: UInt64) -> Int { 63 &- value.leadingZeroBitCount }

    // The first number is the instructions since the last event, shifted left, with a bit below: row 0 is
    // for none, which have no byte of their own.

    /// The continuation bits of the first number, above the event's first byte; for none, the bit that says so.
    @inlinable @inline(__always)
    public static func start(_ table: UnsafeMutablePointer<Int64>, _ row: Int) -> UInt64 {
        UInt64(bitPattern: table[64 &+ row])
    }

    /// Its bits, with those of the event's first byte.
    @inlinable @inline(__always)
    public static func startBits(_ table: UnsafeMutablePointer<Int64>, _ row: Int) -> UInt64 {
        UInt64(bitPattern: table[96 &+ row])
    }

    /// The continuation bits of the second number.
    @inlinable @inline(__always)
    public static func continuation(_ table: UnsafeMutablePointer<Int64>, _ row: Int) -> UInt64 {
        UInt64(bitPattern: table[128 &+ row])
    }

    @inlinable @inline(__always)
    public static func payloadBits(_ table: UnsafeMutablePointer<Int64>, _ row: Int) -> UInt64 {
        UInt64(bitPattern: table[160 &+ row])
    }

    static func fill(_ table: UnsafeMutablePointer<Int64>) {
        for row in 0..<rows {
            let last = max(row - 1, 0) / 8
            let start = row == 0 ? 0x40 : continuationBits(before: last) << 8
            (table + row).initialize(to: start)
            (table + rows + row).initialize(to: row == 0 ? 8 : Int64(8 * (last + 2)))
            (table + 2 * rows + row).initialize(to: continuationBits(before: row / 8))
            (table + 3 * rows + row).initialize(to: Int64(8 * (row / 8 + 1)))
        }
    }

    /// All bytes but the last are continued.
    private static func continuationBits(before last: Int) -> Int64 { 0x80_8080 & ((1 << (8 * last)) - 1) }
}
