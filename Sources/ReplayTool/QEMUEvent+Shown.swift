import ReplayQEMU

extension QEMUEvent {
    /// The fields with their names, except bytes.
    var shownFields: [(name: String, value: JSONText)] {
        switch kind {
        case .instruction: [("instructions", .unsigned(UInt64(instructions)))]
        case .bottomHalf, .bottomHalfOneshot: [("id", .unsigned(id))]
        case .input: input?.shownFields ?? []
        case .charRead: [("device", .unsigned(UInt64(device)))]
        case .block: [("request", .unsigned(id))]
        case .net: [("device", .unsigned(UInt64(device))), ("flags", .unsigned(UInt64(netFlags)))]
        case .charWrite: [("result", .signed(Int64(result))), ("offset", .signed(Int64(writtenOffset)))]
        case .charReadAllError, .random: [("result", .signed(Int64(result)))]
        case .audioOut: [("samples", .unsigned(samples))]
        case .audioIn:
            [("samples", .unsigned(samples))] + (writePosition.map { [("position", .unsigned($0))] } ?? [])
        case .clockHost, .clockVirtualRT: [("ns", .signed(clockValue))]
        default: []
        }
    }
}

extension QEMUInput {
    fileprivate var shownFields: [(name: String, value: JSONText)] {
        switch kind {
        case .key:
            let name: (name: String, value: JSONText)? =
                switch key {
                case .number(let number): ("number", .unsigned(number))
                case .qcode(let code): ("qcode", .unsigned(UInt64(code)))
                case .linux(let code): ("linux", .unsigned(UInt64(code)))
                case nil: nil
                }
            return [("input", .text("key"))] + (name.map { [$0] } ?? []) + [("down", .bool(isDown))]
        case .button:
            return [
                ("input", .text("button")), ("button", .unsigned(UInt64(button))), ("down", .bool(isDown)),
            ]
        case .relative, .absolute:
            return [
                ("input", .text(kind == .relative ? "relative" : "absolute")),
                ("axis", .unsigned(UInt64(axis))), ("value", .signed(value)),
            ]
        case .multiTouch:
            return [
                ("input", .text("multi-touch")), ("touch", .unsigned(UInt64(touch))), ("slot", .signed(slot)),
                ("tracking_id", .signed(trackingID)), ("axis", .unsigned(UInt64(axis))),
                ("value", .signed(value)),
            ]
        }
    }
}
