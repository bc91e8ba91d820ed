/// Decodes headers and small payloads. A read advances, returns nil if too few bytes are left, and
/// never traps.
package struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    private(set) var offset = 0

    package init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    package var remaining: Int { bytes.count &- offset }

    package mutating func readUInt8() -> UInt8? {
        guard remaining >= 1 else { return nil }
        defer { offset &+= 1 }
        return bytes[offset]
    }

    /// A byte that is 0 or 1.
    package mutating func readBool() -> Bool? {
        readUInt8().flatMap { $0 > 1 ? nil : $0 == 1 }
    }

    package mutating func readUInt32() -> UInt32? {
        readLittleEndian(count: 4).map { UInt32(truncatingIfNeeded: $0) }
    }

    package mutating func readUInt64() -> UInt64? {
        readLittleEndian(count: 8)
    }

    package mutating func readVarInt() -> UInt64? {
        var value: UInt64 = 0
        for index in 0..<UInt64(VarInt.maxLength) {
            guard let byte = readUInt8() else { return nil }
            if index == 9 && byte > 1 { return nil }
            value |= UInt64(byte & 0x7F) &<< (7 &* index)
            if byte < 0x80 { return value }
        }
        return nil
    }

    package mutating func readBytes(_ count: Int) -> UnsafeRawBufferPointer? {
        guard count >= 0, remaining >= count else { return nil }
        defer { offset &+= count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset &+ count)])
    }

    /// A LEB128 length, then the bytes.
    package mutating func readCounted() -> UnsafeRawBufferPointer? {
        guard let count = readVarInt(), count <= UInt64(remaining) else { return nil }
        return readBytes(Int(truncatingIfNeeded: count))
    }

    /// Compares the XXH3 of all bytes before it.
    package mutating func readChecksum() -> Bool {
        let expected = Checksum.xxh3(UnsafeRawBufferPointer(rebasing: bytes[..<offset]))
        return readUInt64() == expected
    }

    /// Zeros up to `offset`.
    package mutating func skipZeros(to end: Int) -> Bool {
        while offset < end {
            guard readUInt8() == 0 else { return false }
        }
        return true
    }

    private mutating func readLittleEndian(count: Int) -> UInt64? {
        guard remaining >= count else { return nil }
        var value: UInt64 = 0
        for index in 0..<count {
            value |= UInt64(bytes[offset &+ index]) &<< UInt64(truncatingIfNeeded: 8 &* index)
        }
        offset &+= count
        return value
    }
}
