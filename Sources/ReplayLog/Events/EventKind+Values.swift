/// The names of an event's integers, for people and for tools.
extension EventKind {
    /// In the order of ``layout``.
    package var valueNames: [StaticString] {
        switch self {
        case .bottomHalf, .bottomHalfOneshot: ["id"]
        case .input, .inputFrom: ["kind", "code", "axis", "slot", "tracking_id", "value"]
        case .charRead, .charRegister: ["device"]
        case .block, .blockData: ["request", "result"]
        case .blockRead: ["request", "result", "digest"]
        case .net: ["device", "flags"]
        case .shutdown: ["cause"]
        case .charWrite: ["result", "offset"]
        case .charReadAllError, .random: ["result"]
        case .audioOut, .audioIn: ["samples"]
        case .audioInAt: ["samples", "position"]
        case .clockHost, .clockVirtualRT: ["ns"]
        case .digest, .hostDigest: ["digest"]
        case .flush: ["number", "call"]
        default: []
        }
    }

    /// What the first integer of INPUT_FROM has besides the kind: ``InputFields/Origin``.
    package static let originNames: (port: StaticString, device: StaticString) = ("port", "device")

    /// The name of an integer, by its number from 0, of a kind of a later library.
    package static func nameOfUnknownValue(_ number: Int) -> String { "field\(number + 1)" }
}
