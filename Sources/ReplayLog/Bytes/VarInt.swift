/// LEB128 and zig-zag: small numbers in few bytes.
///
/// Short numbers are packed and unpacked in a register by shifts, without a loop; longer ones
/// byte by byte.
public enum VarInt {
    /// The longest encoding of 64 bits.
    static let maxLength = 10

    @inlinable @inline(__always)
    public static func zigzag(_ value: Int64) -> UInt64 {
        UInt64(bitPattern: (value &<< 1) ^ (value &>> 63))
    }

    @inlinable @inline(__always)
    public static func unzigzag(_ value: UInt64) -> Int64 {
        Int64(bitPattern: (value &>> 1) ^ (0 &- (value & 1)))
    }

    /// Puts the seven-bit groups of two numbers into a byte each, still without continuation bits: of a number
    /// below 2²¹ that begins at bit 8, and of one below 2²⁸ that begins at bit 32. The lowest byte stays.
    @inlinable @inline(__always)
    public static func spread(_ both: UInt64) -> UInt64 {
        let halves = both &+ 3 &* (both & 0x0FFF_C000_1FC0_0000)
        return halves &+ halves & 0x3F80_3F80_003F_8000
    }

    /// The mirror of ``spread(_:)``: two numbers of at most four bytes each, continuation bits and all. The first
    /// begins at bit 0.
    @inlinable @inline(__always)
    public static func gather(_ low: UInt64, _ high: UInt64) -> UInt64 {
        let both = (low | high &<< 32) & 0x7F7F_7F7F_7F7F_7F7F
        let halves = both &- (both & 0x7F00_7F00_7F00_7F00) &>> 1
        return halves &- 3 &* ((halves & 0x3FFF_0000_3FFF_0000) &>> 2)
    }

    /// Writes `value` and returns the place after it. Ten bytes must be writable.
    @inline(__always)
    static func store(_ value: UInt64, at place: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        var value = value
        var place = place
        while value >= 0x80 {
            place.storeBytes(of: UInt8(truncatingIfNeeded: value) | 0x80, as: UInt8.self)
            place += 1
            value &>>= 7
        }
        place.storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
        return place + 1
    }

    /// Reads a number and moves after it. Ten bytes must be readable. A number of more than 64 bits
    /// sets `malformed`.
    @inline(__always)
    static func load(_ place: inout UnsafeRawPointer, _ malformed: inout Bool) -> UInt64 {
        let word = UInt64(littleEndian: place.loadUnaligned(as: UInt64.self))
        let ends = ~word & 0x8080_8080_8080_8080
        guard ends != 0 else { return loadLong(&place, &malformed) }
        // Everything up to the first byte without a continuation bit.
        var value = word & (ends ^ (ends &- 1)) & 0x7F7F_7F7F_7F7F_7F7F
        place += (ends.trailingZeroBitCount &>> 3) &+ 1
        value = (value & 0x007F_007F_007F_007F) | ((value & 0x7F00_7F00_7F00_7F00) &>> 1)
        value = (value & 0x0000_3FFF_0000_3FFF) | ((value & 0x3FFF_0000_3FFF_0000) &>> 2)
        return (value & 0xFFF_FFFF) | ((value & 0x0FFF_FFFF_0000_0000) &>> 4)
    }

    @inline(never)
    private static func loadLong(_ place: inout UnsafeRawPointer, _ malformed: inout Bool) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<UInt64(maxLength) {
            let byte = place.load(as: UInt8.self)
            place += 1
            value |= UInt64(byte & 0x7F) &<< (7 &* index)
            if byte < 0x80 {
                if index == 9 && byte > 1 { malformed = true }
                return value
            }
        }
        malformed = true
        return 0
    }
}
