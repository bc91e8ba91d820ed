/// Which events are dumped.
public struct DumpOptions: Sendable {
    /// A place in a log: `1000` is an icount, `event:12` the number of an event.
    public enum Place: Equatable, Sendable {
        case icount(UInt64)
        case event(UInt64)

        public init?(_ text: String) {
            if text.hasPrefix("event:") {
                guard let number = UInt64(text.dropFirst(6)) else { return nil }
                self = .event(number)
            } else {
                guard let number = UInt64(text) else { return nil }
                self = .icount(number)
            }
        }
    }

    public enum Role: String, Sendable, CaseIterable {
        case vcpu
        case io
    }

    public var from: Place?
    /// The last one.
    public var to: Place?
    /// Names of kinds; one that ends with `*` is the beginning of names. Empty: all kinds.
    public var kinds: [String] = []
    public var role: Role?

    public init() {}

    func isBefore(_ event: UInt64, _ icount: UInt64) -> Bool {
        switch from {
        case .icount(let first): icount < first
        case .event(let first): event < first
        case nil: false
        }
    }

    func isAfter(_ event: UInt64, _ icount: UInt64) -> Bool {
        switch to {
        case .icount(let last): icount > last
        case .event(let last): event > last
        case nil: false
        }
    }

    /// Which of these kinds are dumped, by number. Nil, with the text that matches none: it is a mistake.
    func selection(of names: [String]) -> (selected: [Bool], unknown: String?) {
        if kinds.isEmpty { return (names.map { _ in true }, nil) }
        var selected = names.map { _ in false }
        for kind in kinds {
            let isPrefix = kind.hasSuffix("*")
            let wanted = (isPrefix ? String(kind.dropLast()) : kind).uppercased()
            var isKnown = false
            for (index, name) in names.enumerated() {
                let name = name.uppercased()
                guard isPrefix ? name.hasPrefix(wanted) : name == wanted else { continue }
                selected[index] = true
                isKnown = true
            }
            if !isKnown { return (selected, kind) }
        }
        return (selected, nil)
    }
}
