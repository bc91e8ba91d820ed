/// What the stub needs of a target description: the registers' numbers and sizes, which decide the form of `g` and `G`;
/// and the architecture.
///
/// It needs no XML parser: elements are found in the text, and comments are skipped.
package struct TargetDescription {
    struct Register: Equatable {
        var number: Int
        /// In bytes.
        var size: Int
    }

    /// By number; none twice.
    let registers: [Register]
    /// On some processors, gdb expects a stop at a watchpoint before the access, and makes one step in the direction of
    /// its motion to complete the access. On others it expects the stop after that.
    let watchesStopBeforeAccess: Bool
    /// Without an architecture gdb rejects the description, and nobody knows where watchpoints stop.
    package let namesArchitecture: Bool
    /// How the names of the first kind begin: those with `have_nonsteppable_watchpoint` in gdb.
    private static let stopBeforeAccess = [
        "aarch64", "arm", "ep9312", "hppa", "iwmmxt", "lm32", "mips", "or1k", "powerpc", "riscv", "rs6000",
        "xscale",
        "xtensa",
    ]
    /// No register has more bits than this: a larger number is a mistake.
    private static let mostBits = 1 << 16
    private static let mostRegisters = 1 << 14

    package init(_ xml: String) {
        var found: [Int: Register] = [:]
        var next = 0
        var architecture = ""
        var rest = Array(xml.utf8)[...]
        while let start = rest.firstIndex(of: UInt8(ascii: "<")), found.count < Self.mostRegisters {
            rest = rest[start...].dropFirst()
            if rest.starts(with: "!--".utf8) {
                rest = Self.afterComment(rest)
                continue
            }
            let tag = rest.prefix { $0 != UInt8(ascii: ">") }
            rest = rest.dropFirst(tag.count)
            if tag.elementsEqual("architecture".utf8) {
                let name = rest.dropFirst().prefix { $0 != UInt8(ascii: "<") }
                architecture = String(decoding: name.filter { !Self.isSpace($0) }, as: UTF8.self)
            }
            guard let attributes = Self.attributes(of: tag, named: "reg"),
                let bits = attributes["bitsize"].flatMap({ Int($0) }), (1...Self.mostBits).contains(bits)
            else { continue }
            let number = attributes["regnum"].flatMap { Int($0) } ?? next
            guard (0..<Int(Int32.max)).contains(number) else { continue }
            found[number] = Register(number: number, size: (bits &+ 7) / 8)
            next = number &+ 1
        }
        watchesStopBeforeAccess = Self.stopBeforeAccess.contains(where: architecture.hasPrefix)
        namesArchitecture = !architecture.isEmpty
        registers = found.values.sorted { $0.number < $1.number }
    }

    func size(of number: Int) -> Int? {
        registers.first { $0.number == number }?.size
    }

    private static func afterComment(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let end = Array("-->".utf8)
        var rest = text
        while !rest.isEmpty, !rest.starts(with: end) { rest = rest.dropFirst() }
        return rest.dropFirst(end.count)
    }

    /// nil: a different element.
    private static func attributes(of tag: ArraySlice<UInt8>, named name: String) -> [String: String]? {
        var rest = tag
        guard rest.starts(with: name.utf8) else { return nil }
        rest = rest.dropFirst(name.utf8.count)
        guard let first = rest.first, isSpace(first) else { return nil }
        var attributes: [String: String] = [:]
        while true {
            rest = rest.drop(while: isSpace)
            let key = rest.prefix { $0 != UInt8(ascii: "=") && !isSpace($0) }
            rest = rest.dropFirst(key.count).drop(while: isSpace)
            guard !key.isEmpty, rest.popFirst() == UInt8(ascii: "=") else { return attributes }
            rest = rest.drop(while: isSpace)
            guard let quote = rest.popFirst() else { return attributes }
            let value = rest.prefix { $0 != quote }
            rest = rest.dropFirst(value.count).dropFirst()
            attributes[String(decoding: key, as: UTF8.self)] = String(decoding: value, as: UTF8.self)
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
