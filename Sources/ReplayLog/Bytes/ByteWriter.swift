/// Builds headers and small payloads. All numbers are little-endian.
package struct ByteWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func writeUInt8(_ value: UInt8) {
        bytes.append(value)
    }

    package mutating func writeUInt32(_ value: UInt32) {
        writeLittleEndian(UInt64(value), count: 4)
    }

    package mutating func writeUInt64(_ value: UInt64) {
        writeLittleEndian(value, count: 8)
    }

    package mutating func writeVarInt(_ value: UInt64) {
        var value = value
        while value >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
            value &>>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: value))
    }

    package mutating func writeBytes(_ more: some Sequence<UInt8>) {
        bytes.append(contentsOf: more)
    }

    /// A LEB128 length, then the bytes.
    package mutating func writeCounted(_ more: some Collection<UInt8>) {
        writeVarInt(UInt64(truncatingIfNeeded: more.count))
        bytes.append(contentsOf: more)
    }

    /// Zeros up to `count` bytes in all.
    package mutating func pad(to count: Int) {
        while bytes.count < count { bytes.append(0) }
    }

    /// The XXH3 of all bytes so far.
    package mutating func writeChecksum() {
        writeUInt64(bytes.withUnsafeBytes { Checksum.xxh3($0) })
    }

    private mutating func writeLittleEndian(_ value: UInt64, count: UInt64) {
        for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value &>> (8 &* index))) }
    }
}
