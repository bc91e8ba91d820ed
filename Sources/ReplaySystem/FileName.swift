import Glibc

/// File names, and option strings that contain them, are bytes that needn't be UTF-8. A `String` holds them without
/// loss: a byte that isn't part of UTF-8 becomes one of the private scalars from U+10FF80 on, and nothing else becomes
/// one of these.
extension String {
    private static let escapes: ClosedRange<UInt32> = 0x10FF80...0x10FFFF
    private static let base: UInt32 = 0x10FF00

    /// The text for any bytes.
    package init(fileBytes bytes: some Sequence<UInt8>) {
        self = ""
        var rest = Array(bytes)[...]
        while let first = rest.first {
            if first < 0x80 {
                unicodeScalars.append(Unicode.Scalar(first))
                rest = rest.dropFirst()
                continue
            }
            var decoder = UTF8()
            var iterator = rest.makeIterator()
            if case .scalarValue(let scalar) = decoder.decode(&iterator),
                !String.escapes.contains(scalar.value)
            {
                unicodeScalars.append(scalar)
                rest = rest.dropFirst(UTF8.width(scalar))
            } else {
                if let scalar = Unicode.Scalar(String.base + UInt32(first)) { unicodeScalars.append(scalar) }
                rest = rest.dropFirst()
            }
        }
    }

    package init(fileName: UnsafePointer<CChar>) {
        self.init(fileBytes: UnsafeRawBufferPointer(start: fileName, count: strlen(fileName)))
    }

    /// The bytes that were given to ``init(fileBytes:)``.
    package var fileBytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(utf8.count)
        for scalar in unicodeScalars {
            if String.escapes.contains(scalar.value) {
                bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            } else {
                bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
        return bytes
    }

    /// Calls `body` with the bytes and a zero after them, as system calls need them.
    package func withFileName<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        let bytes = fileBytes + [0]
        return bytes.withUnsafeBytes { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                characters.baseAddress.map(body) ?? body("")
            }
        }
    }

    /// For people: a byte that isn't part of UTF-8 as `\xNN`.
    package var shown: String {
        guard unicodeScalars.contains(where: { String.escapes.contains($0.value) }) else { return self }
        return ByteText(fileBytes).description
    }
}
