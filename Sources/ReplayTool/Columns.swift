/// Text in columns.
enum Columns {
    static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    /// With `places` digits after the point, rounded down.
    static func decimal(_ numerator: UInt64, _ denominator: UInt64, places: Int = 1) -> String {
        guard denominator > 0 else { return "0" }
        var (text, rest) = (String(numerator / denominator), numerator % denominator)
        if places > 0 { text += "." }
        for _ in 0..<places {
            let product = rest.multipliedFullWidth(by: 10)
            // The remainder is below the denominator, so the digit is below 10.
            let (digit, next) = denominator.dividingFullWidth(product)
            text += String(digit)
            rest = next
        }
        return text
    }
}

/// Bytes for people and for programs.
enum Hex {
    private static let digits = Array("0123456789abcdef".utf8)

    static func digits(_ bytes: UnsafeRawBufferPointer) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(2 &* bytes.count)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// With 16 digits.
    static func number(_ value: UInt64) -> String {
        withUnsafeBytes(of: value.bigEndian) { digits($0) }
    }

    /// A dot for each byte that isn't printable ASCII.
    static func text(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: ".") }, as: UTF8.self)
    }

    /// 16 bytes in each line.
    static func dump(_ bytes: UnsafeRawBufferPointer, withText: Bool, to output: ToolOutput) {
        var offset = 0
        while offset < bytes.count && !output.isBroken {
            let row = bytes[offset..<min(offset &+ 16, bytes.count)]
            var text = "    \(Columns.right(String(offset, radix: 16), 8)) "
            for byte in row {
                text += byte < 16 ? " 0\(String(byte, radix: 16))" : " \(String(byte, radix: 16))"
            }
            if withText { text = "\(Columns.left(text, 62)) |\(Hex.text(row))|" }
            output.line(output.styled(text, .minor))
            offset &+= 16
        }
    }

    /// As a text in quotes, with a line for each line of it.
    static func dumpText(_ bytes: UnsafeRawBufferPointer, to output: ToolOutput) {
        var rest = bytes[...]
        while !rest.isEmpty && !output.isBroken {
            let newline = rest.prefix(64).firstIndex(of: UInt8(ascii: "\n"))
            let row = newline.map { rest[...$0] } ?? rest.prefix(64)
            rest = rest[row.endIndex...]
            output.line(output.styled("    \"\(escaped(row))\"", .minor))
        }
    }

    /// What isn't printable ASCII as in C.
    private static func escaped(_ bytes: some Sequence<UInt8>) -> String {
        var text = ""
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\n"): text += "\\n"
            case UInt8(ascii: "\r"): text += "\\r"
            case UInt8(ascii: "\t"): text += "\\t"
            case UInt8(ascii: "\\"), UInt8(ascii: "\""): text += "\\\(Character(UnicodeScalar(byte)))"
            case 0x20..<0x7F: text.unicodeScalars.append(UnicodeScalar(byte))
            // Three octal digits, so that a digit after it isn't part of it.
            default: text += "\\" + String(UInt16(byte) | 0x200, radix: 8).dropFirst()
            }
        }
        return text
    }
}
