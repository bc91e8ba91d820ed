/// How long the encodings of two small numbers are, by the highest bit of an event as ``VarInt/spread(_:)`` gives it:
/// what saves ``EventEncoder`` the shifts that would compute it. Plain memory after the encoder's clocks, so that one
/// register reaches both.
public enum HeadTable {
    /// Rows: one for each place of the highest bit.
    @usableFromInline static let rows = 64
    static let count = 4 * rows

    @inlinable @inline(__always)
    public static func row(_ event: UInt64) -> Int { 63 ^ event.leadingZeroBitCount }

    // The lower half has the first byte, which is never 0, and the instructions since the last event. In rows 0 to 7
    // these are none, and have no byte of their own.

    /// The continuation bits of the instructions; for none, the bit of the first byte that says so.
    @inlinable @inline(__always)
    public static func start(_ table: UnsafeMutablePointer<Int64>, _ row: Int) -> UInt64 {
        UInt64(bitPattern: table[64 &+ row])
    }

    /// Their bits, with those of the first byte.
    @inlinable @inline(__always)
    public static func startBits(_ table: UnsafeMutablePointer<Int64>, _ row: Int) -> UInt64 {
        UInt64(bitPattern: table[128 &+ row])
    }

    // The upper half has the payload. In the rows below 32 it is 0.

    /// The continuation bits of the payload.
    @inlinable @inline(__always)
    public static func continuation(_ table: UnsafeMutablePointer<Int64>, _ row: Int) -> UInt64 {
        UInt64(bitPattern: table[192 &+ row])
    }

    @inlinable @inline(__always)
    public static func payloadBits(_ table: UnsafeMutablePointer<Int64>, _ row: Int) -> UInt64 {
        UInt64(bitPattern: table[256 &+ row])
    }

    static func fill(_ table: UnsafeMutablePointer<Int64>) {
        for row in 0..<rows {
            let startBytes = row / 8
            let payloadBytes = max(row / 8 - 4, 0) + 1
            (table + row).initialize(to: startBytes == 0 ? 0x40 : continuationBits(of: startBytes) << 8)
            (table + rows + row).initialize(to: Int64(8 + 8 * startBytes))
            (table + 2 * rows + row).initialize(to: continuationBits(of: payloadBytes))
            (table + 3 * rows + row).initialize(to: Int64(8 * payloadBytes))
        }
    }

    /// All of at most four bytes but the last are continued.
    private static func continuationBits(of bytes: Int) -> Int64 { 0x80_8080 >> (8 * max(4 - bytes, 0)) }
}
