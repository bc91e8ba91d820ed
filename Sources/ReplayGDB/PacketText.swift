/// A packet's content, read from its beginning. Each function takes what it returns, and nothing if it returns nil or
/// false.
struct PacketText {
    private(set) var rest: ArraySlice<UInt8>

    init(_ content: some Sequence<UInt8>) {
        rest = Array(content)[...]
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ text: String) -> Bool {
        guard rest.starts(with: text.utf8) else { return false }
        rest = rest.dropFirst(text.utf8.count)
        return true
    }

    mutating func byte() -> UInt8? { rest.popFirst() }

    /// The bytes before the first that is one of `ends`, or all.
    mutating func upTo(_ ends: String) -> ArraySlice<UInt8> {
        let part = rest.prefix { !ends.utf8.contains($0) }
        rest = rest.dropFirst(part.count)
        return part
    }

    mutating func take(count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, count <= rest.count else { return nil }
        let part = rest.prefix(count)
        rest = rest.dropFirst(count)
        return part
    }

    mutating func all() -> ArraySlice<UInt8> {
        defer { rest = [] }
        return rest
    }

    /// A number of at least one hexadecimal digit that fits into 64 bits.
    mutating func number() -> UInt64? {
        var number: UInt64 = 0
        let digits = rest.prefix { Hex.value(of: $0) != nil }
        guard !digits.isEmpty else { return nil }
        for digit in digits {
            guard number >> 60 == 0, let value = Hex.value(of: digit) else { return nil }
            number = number << 4 | UInt64(value)
        }
        rest = rest.dropFirst(digits.count)
        return number
    }

    /// A number that fits into an `Int`.
    mutating func count() -> Int? {
        var copy = self
        guard let number = copy.number(), let count = Int(exactly: number) else { return nil }
        self = copy
        return count
    }

    /// Two numbers with a comma between them, as `ADDRESS,LENGTH`.
    mutating func numbers() -> (UInt64, UInt64)? {
        var copy = self
        guard let first = copy.number(), copy.take(","), let second = copy.number() else { return nil }
        self = copy
        return (first, second)
    }
}
