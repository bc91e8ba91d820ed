import Glibc

/// Text from outside, as its bytes: it may not be UTF-8, and two texts are equal only if all bytes are.
///
/// Swift's `String` treats canonically equivalent texts as equal, and can't hold what isn't UTF-8.
package struct ByteText: Hashable, Sendable {
    package var bytes: [UInt8]

    package init(_ bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)
    }

    package init(_ text: String) {
        bytes = Array(text.utf8)
    }

    package init(cString: UnsafePointer<CChar>) {
        bytes = UnsafeRawBufferPointer(start: cString, count: strlen(cString)).map { $0 }
    }

    package func hasPrefix(_ prefix: String) -> Bool { bytes.starts(with: prefix.utf8) }

    /// Nil if it isn't UTF-8.
    package var string: String? { String(validating: bytes, as: UTF8.self) }

    /// ASCII only: each other byte, and each control character, as `\xNN`.
    package var escaped: String {
        var text = ""
        for byte in bytes {
            if (0x20..<0x7F).contains(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += ByteText.escape(byte)
            }
        }
        return text
    }

    private static func escape(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return digits.utf8.count < 2 ? "\\x0\(digits)" : "\\x\(digits)"
    }
}

extension ByteText: ExpressibleByStringLiteral {
    package init(stringLiteral value: String) {
        self.init(value)
    }
}

extension ByteText: CustomStringConvertible {
    /// For people: bytes that aren't UTF-8 as `\xNN`.
    package var description: String {
        if let string { return string }
        var text = ""
        var rest = bytes[...]
        var decoder = UTF8()
        while !rest.isEmpty {
            var iterator = rest.makeIterator()
            if case .scalarValue(let scalar) = decoder.decode(&iterator) {
                text.unicodeScalars.append(scalar)
                rest = rest.dropFirst(UTF8.width(scalar))
            } else {
                text += ByteText.escape(rest.removeFirst())
            }
            decoder = UTF8()
        }
        return text
    }
}
