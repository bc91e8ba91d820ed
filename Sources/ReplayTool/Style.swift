import Glibc

/// When text has colours.
public enum ColourChoice: String, Sendable, CaseIterable {
    /// On a terminal, unless `NO_COLOR` is set.
    case auto
    case always
    case never

    /// For what is printed to this descriptor.
    func allowsColours(on descriptor: Int32) -> Bool {
        switch self {
        case .always: return true
        case .never: return false
        case .auto:
            guard isatty(descriptor) == 1, variable("NO_COLOR").isEmpty else { return false }
            let terminal = variable("TERM")
            return !terminal.isEmpty && terminal != "dumb"
        }
    }

    private func variable(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
}

/// What a part of a line is, which decides its colour.
enum Style: String, CaseIterable {
    /// Of less interest.
    case minor = "2"
    case important = "1"
    case vcpu = "34"
    case io = "35"
    case good = "32"
    case doubtful = "33"
    case bad = "31"
    /// A line of one log only.
    case onlyA = "36"
    case onlyB = "33;1"

    private static let end = "\u{1B}[0m"

    private var start: String { "\u{1B}[\(rawValue)m" }

    func applied(to text: String) -> String { start + text + Style.end }

    /// What ``applied(to:)`` adds to a text.
    static let sequences = (allCases.map(\.start) + [end]).map { Array($0.unicodeScalars) }
}

extension ToolOutput {
    /// With a colour, if there are colours.
    func styled(_ text: String, _ style: Style) -> String {
        hasColours ? style.applied(to: text) : text
    }
}
