import Glibc
import ReplaySystem
import Testing

@testable import ReplayGDB

/// Packets and bytes as no debugger sends them. The long tier sets REPLAY_FUZZED_PACKETS to a larger number.
@Suite struct FuzzTests {
    private static let seeds = [
        "?", "g", "G00", "p20", "P5=1122334455667788", "m1000,40", "M2000,2:abcd", "X2000,2:ab", "c", "C05",
        "s",
        "S05;1000", "bc", "bs", "vCont;s:1;c", "vCont;c", "vCont?", "Z0,1020,4",
        "Z0,1020,4;X7,26000a22321327",
        "Z1,1014,4", "Z2,2000,8", "Z3,2000,8", "Z4,2000,4", "z0,1020,4", "z2,2000,8", "Hg1", "Hc-1", "T1",
        "qC",
        "qSupported:swbreak+;hwbreak+", "qXfer:features:read:target.xml:0,7ff", "qfThreadInfo",
        "qsThreadInfo",
        "qThreadExtraInfo,1", "qRcmd,7365656b203530", "qRcmd,7768657265", "qAttached", "qSymbol::",
        "qHostInfo",
        "vMustReplyEmpty", "QStartNoAckMode", "D", "k", "vKill;1", "vCtrlC", "\u{3}", "+", "-",
    ].map { Array($0.utf8) }

    private static var count: Int {
        getenv("REPLAY_FUZZED_PACKETS").flatMap { Int(String(cString: $0)) } ?? 3000
    }

    private func packet(_ random: inout Seeded) -> [UInt8] {
        var content = Self.seeds.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 0..<4, using: &random) {
            let at = Int.random(in: 0...content.count, using: &random)
            let byte = UInt8.random(in: 0...255, using: &random)
            switch Int.random(in: 0..<7, using: &random) {
            case 0 where at < content.count: content[at] = byte
            case 1 where at < content.count: content[at] ^= 1 << (byte & 7)
            case 2 where at < content.count: content.remove(at: at)
            case 3: content.insert(contentsOf: Hex.digits(of: byte), at: at)
            case 4:
                content.insert(
                    contentsOf: [UInt8](repeating: UInt8(ascii: "f"), count: Int(byte) % 20), at: at)
            case 5: content = Array(content.prefix(at)) + (Self.seeds.randomElement(using: &random) ?? [])
            default: content.insert(",:;=-#$}*X"[at % 10, byte], at: at)
            }
        }
        // Most have the right sum.
        return Int.random(in: 0..<20, using: &random) == 0 ? content : Packet.framed(content)
    }

    private func machine(_ random: inout Seeded) -> FakeMachine {
        FakeMachine(
            cpus: Int.random(in: 1...2, using: &random), end: 60, canReverse: Bool.random(using: &random),
            xml: [nil, "", "<reg bitsize=\"64\"/><reg bitsize=\"9\" regnum=\"77\"/>"].randomElement(
                using: &random) ?? nil)
    }

    @Test func noPacketEndsTheHost() {
        var random = Seeded(UInt64(Self.count))
        var session = DebugSession(machine(&random))
        for _ in 0..<Self.count {
            session.receive(packet(&random))
            session.machineStopped()
            session.machineStopped()
            #expect(session.output.count < 1 << 21)
            session.sent(Int.random(in: 0..<1 << 18, using: &random))
            if session.endsConnection || Int.random(in: 0..<200, using: &random) == 0 {
                session.abandon()
                #expect(session.phase == .gone)
                session = DebugSession(machine(&random))
            }
        }
    }

    /// What comes after noise is understood.
    @Test func aSessionSurvives() {
        var random = Seeded(2)
        for _ in 0..<(Self.count / 30) {
            let talk = Talk(machine(&random))
            for _ in 0..<10 {
                let bytes = (0..<Int.random(in: 0..<60, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                talk.session.receive(bytes + packet(&random))
                _ = talk.answers()
            }
            if talk.session.endsConnection { continue }
            _ = talk("qC")
            #expect(talk("qC") == ["QC\(ThreadID.text(cpu: talk.session.shownCPU))"])
        }
    }

    @Test func noiseAtASocket() throws {
        var random = Seeded(3)
        let machine = FakeMachine(cpus: 2, isThreaded: true)
        let server = try DebugServer.start(.ip4([127, 0, 0, 1], 0), machine).get()
        for _ in 0..<(Self.count / 100) {
            let client = Client(server.address)
            for _ in 0..<10 { client?.send(packet(&random)) }
        }
        var answer: String?
        for _ in 0..<20_000 where answer == nil {
            answer = Client(server.address)?.ask("qC")
            Syscalls.pause()
        }
        #expect(answer?.hasPrefix("QC") == true)
        server.stop()
        machine.finish()
    }
}

extension String {
    /// One of the bytes, chosen by both numbers.
    fileprivate subscript(at: Int, byte: UInt8) -> UInt8 {
        let bytes = Array(utf8)
        return bytes[(at + Int(byte)) % bytes.count]
    }
}
