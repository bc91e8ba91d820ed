import Testing

@testable import ReplayGDB

/// A debugger of the tests, directly at a session.
final class Talk {
    let machine: FakeMachine
    let session: DebugSession

    init(_ machine: FakeMachine) {
        self.machine = machine
        session = DebugSession(machine)
        _ = self.callAsFunction("QStartNoAckMode")
    }

    /// The contents of the packets that a packet is answered with.
    func callAsFunction(_ text: String) -> [String] { self(Array(text.utf8)) }

    func callAsFunction(_ content: [UInt8]) -> [String] {
        session.receive(Packet.framed(content))
        return answers()
    }

    /// The only answer.
    func ask(_ text: String) -> String {
        let answers = self(text)
        #expect(answers.count == 1, "\(text) has \(answers.count) answers")
        return answers.last ?? ""
    }

    func answers() -> [String] {
        var contents: [String] = []
        repeat {
            // The fake machine is paused after each call.
            session.machineStopped()
            if case .moving(.pastWatch) = session.phase { session.machineStopped() }
            var reader = PacketReader()
            for byte in session.output {
                if case .packet(let content) = reader.next(byte) {
                    contents.append(String(decoding: content, as: UTF8.self))
                }
            }
            session.sent(session.output.count)
        } while !session.output.isEmpty
        return contents
    }
}

/// Numbers that look random and are the same in each run.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
