/// The form of packets that the stub sends.
enum Packet {
    /// The most bytes of a packet's content, in both directions. It is reported as `PacketSize`.
    static let limit = 0x8000

    private static let mark = UInt8(ascii: "$")
    private static let end = UInt8(ascii: "#")
    private static let escape = UInt8(ascii: "}")
    private static let repetition = UInt8(ascii: "*")
    private static let flip: UInt8 = 0x20

    static func framed(_ content: some Collection<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(content.count &+ 4)
        bytes.append(mark)
        bytes.append(contentsOf: content)
        bytes.append(end)
        bytes.append(contentsOf: Hex.digits(of: content.reduce(0, &+)))
        return bytes
    }

    /// Binary data inside a content.
    static func escaped(_ data: some Sequence<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        for byte in data {
            switch byte {
            case mark, end, escape, repetition: bytes += [escape, byte ^ flip]
            default: bytes.append(byte)
            }
        }
        return bytes
    }

    /// nil: it ends in the middle of an escape.
    static func unescaped(_ data: some Sequence<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var isEscaped = false
        for byte in data {
            if isEscaped {
                bytes.append(byte ^ flip)
                isEscaped = false
            } else if byte == escape {
                isEscaped = true
            } else {
                bytes.append(byte)
            }
        }
        return isEscaped ? nil : bytes
    }
}
