/// What the stub answers to a packet.
enum Answer: Equatable {
    /// An empty packet: the stub doesn't know this one.
    case unsupported
    case ok
    case text(String)
    /// The content as bytes, escaped where necessary.
    case bytes([UInt8])
    case failure(Failure)
    /// The answer comes when the machine is paused, or never.
    case later

    /// Sent as `E` and a number; they are those of Linux's errors.
    enum Failure: UInt8 {
        /// A recording can't be changed.
        case notPermitted = 1
        case tooLong = 7
        case badAddress = 14
        /// The machine isn't paused.
        case busy = 16
        case malformed = 22
        case noSpace = 28
    }

    static let malformed = Answer.failure(.malformed)

    /// nil: nothing is sent.
    var content: [UInt8]? {
        switch self {
        case .unsupported: []
        case .ok: Array("OK".utf8)
        case .text(let text): Array(text.utf8)
        case .bytes(let bytes): bytes
        case .failure(let failure): [UInt8(ascii: "E")] + Hex.digits(of: failure.rawValue)
        case .later: nil
        }
    }
}
