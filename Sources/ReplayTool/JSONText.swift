/// A JSON value. Members keep their order.
enum JSONText {
    case null
    case bool(Bool)
    case signed(Int64)
    case unsigned(UInt64)
    case text(String)
    case list([JSONText])
    /// Names and their values.
    case members([String], [JSONText])

    static func object(_ members: [(String, JSONText)]) -> JSONText {
        .members(members.map(\.0), members.map(\.1))
    }

    static func count(_ value: Int) -> JSONText { .signed(Int64(value)) }

    /// In one line.
    var line: String {
        var text = ""
        write(to: &text)
        return text
    }

    private func write(to text: inout String) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .signed(let value): text += String(value)
        case .unsigned(let value): text += String(value)
        case .text(let value): JSONText.quote(value, &text)
        case .list(let values):
            text += "["
            for (index, value) in values.enumerated() {
                if index > 0 { text += ", " }
                value.write(to: &text)
            }
            text += "]"
        case .members(let names, let values):
            text += "{"
            for (index, (name, value)) in zip(names, values).enumerated() {
                if index > 0 { text += ", " }
                JSONText.quote(name, &text)
                text += ": "
                value.write(to: &text)
            }
            text += "}"
        }
    }

    private static func quote(_ value: String, _ text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\u{0}"..<" ", "\u{7F}"..."\u{9F}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
