/// The bytes of a message in the encoding of protocol buffers.
struct ProtobufMessage {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ field: UInt32, number: UInt64) {
        addTag(field, 0)
        addVarint(number)
    }

    /// A field of the type int64.
    mutating func add(_ field: UInt32, signed: Int64) { add(field, number: UInt64(bitPattern: signed)) }

    mutating func add(_ field: UInt32, fixed number: UInt64) {
        addTag(field, 1)
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func add(_ field: UInt32, text: String) { add(field, Array(text.utf8)) }

    mutating func add(_ field: UInt32, _ message: ProtobufMessage) { add(field, message.bytes) }

    private mutating func add(_ field: UInt32, _ content: [UInt8]) {
        addTag(field, 2)
        addVarint(UInt64(content.count))
        bytes.append(contentsOf: content)
    }

    private mutating func addTag(_ field: UInt32, _ type: UInt64) { addVarint(UInt64(field) << 3 | type) }

    private mutating func addVarint(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}
