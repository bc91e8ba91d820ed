/// Which events are shown, and how.
public struct DumpOptions: Sendable {
    public enum Role: String, Sendable, CaseIterable {
        case vcpu
        case io
    }

    /// How an event's bytes are shown.
    public enum Payload: String, Sendable, CaseIterable {
        case both
        case hex
        case text
        case none
    }

    /// `1` is the device 1 of any class, `net:1` that of one class.
    public struct Device: Equatable, Sendable {
        public enum Class: String, Sendable, CaseIterable {
            case char
            case net
            case input
        }

        public var number: UInt64
        public var `class`: Class?

        public init(number: UInt64, class: Class?) {
            self.number = number
            self.class = `class`
        }

        public init?(_ text: String) {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard (1...2).contains(parts.count), let last = parts.last, let number = UInt64(last) else {
                return nil
            }
            self.number = number
            if parts.count == 2 {
                guard let known = Class(rawValue: String(parts[0])) else { return nil }
                self.class = known
            }
        }

        func includes(_ source: Device?) -> Bool {
            source?.number == number && (`class` == nil || `class` == source?.class)
        }
    }

    public var from: LogPlace?
    /// The last one.
    public var to: LogPlace?
    /// Names of kinds; one that ends with `*` is the beginning of names. Empty: all kinds.
    public var kinds: [String] = []
    public var role: Role?
    public var device: Device?
    /// For logs that don't say how long an instruction takes.
    public var shift: UInt8?
    public var payload = Payload.both
    /// Waits for new events of a recorder that runs.
    public var follows = false

    public init() {}

    /// Which of these kinds are shown, by number. Nil, with the text that matches none: it is a mistake.
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
