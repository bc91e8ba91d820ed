/// Hexadecimal digits, which the protocol uses for numbers and for bytes.
enum Hex {
    private static let letters = Array("0123456789abcdef".utf8)

    /// The value of one digit.
    static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit &- UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit &- UInt8(ascii: "a") &+ 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit &- UInt8(ascii: "A") &+ 10
        default: nil
        }
    }

    static func digits(of byte: UInt8) -> [UInt8] {
        [letters[Int(byte >> 4)], letters[Int(byte & 0xF)]]
    }

    /// Two digits for each byte.
    static func text(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.flatMap(digits), as: UTF8.self)
    }

    static func text(_ number: UInt64) -> String { String(number, radix: 16) }

    /// nil: an odd number of digits, or something else than digits.
    static func bytes(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var high: UInt8?
        for digit in text {
            guard let value = value(of: digit) else { return nil }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return high == nil ? bytes : nil
    }
}
