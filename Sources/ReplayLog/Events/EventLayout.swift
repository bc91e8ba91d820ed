/// A payload's fields as a list of four-bit codes, the first field lowest, 0 after the last.
///
/// The letters are those of the file's table of kinds. A whole layout fits a register, so that
/// encoder and decoder need no array.
package struct EventLayout: Equatable, Sendable {
    /// One field of a payload. The raw values live in memory only; the file has the letters.
    enum Field: UInt64 {
        /// `u`: unsigned LEB128.
        case unsigned = 1
        /// `s`: zig-zag LEB128.
        case signed = 2
        /// `c`: zig-zag LEB128 of the difference from the last value of the same kind in this chunk.
        case clock = 3
        /// `q`: eight bytes, little-endian.
        case quad = 4
        /// `b`: LEB128 length, then that many bytes.
        case bytes = 5
    }

    /// The largest number of fields.
    static let maxFields = 16

    let code: UInt64

    /// Nil if a letter is unknown, or if there are more than ``maxFields``.
    init?(letters: some Collection<UInt8>) {
        guard letters.count <= EventLayout.maxFields else { return nil }
        var code: UInt64 = 0
        var shift: UInt64 = 0
        for letter in letters {
            guard let field = EventLayout.field(letter) else { return nil }
            code |= field.rawValue &<< shift
            shift &+= 4
        }
        self.code = code
    }

    /// A kind's own layout.
    init(_ kind: EventKind) {
        let letters = UnsafeBufferPointer(start: kind.layout.utf8Start, count: kind.layout.utf8CodeUnitCount)
        code = EventLayout(letters: letters)?.code ?? 0
    }

    private static func field(_ letter: UInt8) -> Field? {
        switch letter {
        case UInt8(ascii: "u"): .unsigned
        case UInt8(ascii: "s"): .signed
        case UInt8(ascii: "c"): .clock
        case UInt8(ascii: "q"): .quad
        case UInt8(ascii: "b"): .bytes
        default: nil
        }
    }
}
