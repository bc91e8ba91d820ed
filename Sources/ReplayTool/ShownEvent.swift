import ReplayLog
import ReplayQEMU

/// An event as it is printed: names and values, whatever log it comes from.
struct ShownEvent {
    var index: UInt64
    var icount: UInt64
    /// Nil in QEMU's logs, which don't have roles.
    var role: String?
    var kind: String
    var fields: [(name: String, value: JSONText)]
    /// Nil: the kind has no bytes.
    var bytes: UnsafeRawBufferPointer?
    /// The place in the file, and all bytes after that of the kind; in QEMU's logs.
    var offset: UInt64?
    var payload: UnsafeRawBufferPointer?

    init(_ event: QEMUEvent) {
        index = event.index
        icount = event.icount
        kind = event.kind.name
        fields = event.shownFields
        offset = event.offset
        payload = event.payload
        switch event.kind {
        case .charRead, .net, .charReadAll, .random, .audioIn: bytes = event.bytes
        default: break
        }
    }

    /// - Parameter table: the kinds of the event's log.
    init(_ event: Event, _ table: KindNames) {
        index = event.index
        icount = event.icount
        role = event.role.name
        kind = table.name(event.kind)
        fields = []
        let names = event.knownKind?.valueNames ?? []
        let values = [event.a, event.b, event.c, event.d, event.e, event.f]
        var number = 0
        for letter in table.layout(event.kind) {
            if letter == "b" {
                bytes = event.bytes
                continue
            }
            guard number < values.count else { break }
            let name = number < names.count ? names[number].description : EventKind.nameOfUnknownValue(number)
            fields.append((name, ShownEvent.value(values[number], letter)))
            number += 1
        }
        if event.knownKind == .shutdown { fields.append(("name", .text(ShutdownCause.name(event.a)))) }
        if event.knownKind == .inputFrom, let input = event.input, let origin = input.origin {
            fields[0] = ("kind", .signed(input.kind))
            fields.append((EventKind.originNames.port.description, .unsigned(UInt64(origin.port))))
            fields.append((EventKind.originNames.device.description, .unsigned(UInt64(origin.device))))
        }
    }

    private static func value(_ value: Int64, _ letter: Character) -> JSONText {
        switch letter {
        case "u": .unsigned(UInt64(bitPattern: value))
        case "q": .text(Hex.number(UInt64(bitPattern: value)))
        default: .signed(value)
        }
    }

    // MARK: Printed

    /// One line, and the bytes below it.
    func print(to output: ToolOutput, _ payload: DumpOptions.Payload) {
        var text = output.styled(Columns.right(String(index), 9), .minor)
        text += " \(Columns.right(String(icount), 14))"
        if let role { text += " " + output.styled(Columns.left(role, 4), role == "io" ? .io : .vcpu) }
        text += " " + output.styled(kind, .important)
        for (name, value) in fields { text += " \(name)=\(value.plain)" }
        if let bytes { text += " bytes=\(bytes.count)" }
        output.line(text)
        guard let bytes else { return }
        switch payload {
        case .both: Hex.dump(bytes, withText: true, to: output)
        case .hex: Hex.dump(bytes, withText: false, to: output)
        case .text: Hex.dumpText(bytes, to: output)
        case .none: break
        }
    }

    func json(_ form: DumpOptions.Payload) -> JSONText {
        var members: [(String, JSONText)] = [("event", .unsigned(index)), ("icount", .unsigned(icount))]
        if let offset { members.append(("offset", .unsigned(offset))) }
        if let role { members.append(("role", .text(role))) }
        members.append(("kind", .text(kind)))
        if !fields.isEmpty { members.append(("fields", .object(fields.map { ($0.name, $0.value) }))) }
        let (withHex, withText) = (form == .both || form == .hex, form == .both || form == .text)
        if let payload, withHex { members.append(("payload", .text(Hex.digits(payload)))) }
        if let bytes {
            if !withHex { members.append(("length", .count(bytes.count))) }
            if withHex { members.append(("hex", .text(Hex.digits(bytes)))) }
            if withText { members.append(("text", .text(Hex.text(bytes)))) }
        }
        return .object(members)
    }
}

extension JSONText {
    /// For people: texts without quotes.
    var plain: String {
        if case .text(let text) = self { return text }
        return line
    }
}

extension ThreadRole {
    var name: String { self == .io ? "io" : "vcpu" }
}

/// The causes of shutdowns, as the public header numbers them.
enum ShutdownCause {
    private static let names = [
        "none", "host-error", "host-quit", "host-reset", "host-signal", "host-ui", "guest-shutdown",
        "guest-reset", "guest-panic", "subsystem-reset", "snapshot-load",
    ]

    static func name(_ number: some BinaryInteger) -> String {
        guard let index = Int(exactly: number), names.indices.contains(index) else { return "unknown" }
        return names[index]
    }
}

/// Names and layouts of a log's kinds, by number.
struct KindNames {
    private var names: [String]
    private var layouts: [String]

    init(_ table: KindTable) {
        names = (0..<64).map { "KIND_\($0)" }
        layouts = [String](repeating: "", count: 64)
        for entry in table.entries where entry.number < 64 {
            names[Int(entry.number)] = entry.name
            layouts[Int(entry.number)] = entry.layout
        }
    }

    var all: [String] { names }
    func name(_ kind: UInt8) -> String { names[Int(kind & 63)] }
    func layout(_ kind: UInt8) -> String { layouts[Int(kind & 63)] }
}
