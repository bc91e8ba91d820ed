import Testing

@testable import ReplayGDB

@Suite struct PacketTests {
    private func inputs(_ bytes: [UInt8]) -> [PacketReader.Input] {
        var reader = PacketReader()
        return bytes.compactMap { reader.next($0) }
    }

    private func inputs(_ text: String) -> [PacketReader.Input] { inputs(Array(text.utf8)) }

    @Test func aFrameIsReadAgain() {
        for content in ["", "qSupported", "m0,4", String(repeating: "x", count: Packet.limit)] {
            #expect(inputs(Packet.framed(content.utf8)) == [.packet(Array(content.utf8))])
        }
        #expect(Packet.framed("OK".utf8) == Array("$OK#9a".utf8))
    }

    @Test func marksAreFoundBetweenPackets() {
        #expect(
            inputs("+$?#3f-\u{3}noise$g#67") == [
                .acknowledged, .packet([0x3F]), .notUnderstood, .interrupt, .packet([0x67]),
            ])
        // Inside of a packet they are content.
        #expect(inputs("$+-#58") == [.packet([0x2B, 0x2D])])
    }

    @Test func damagedAndLongPacketsAreReported() {
        #expect(inputs("$?#40") == [.damaged])
        #expect(inputs("$?#xx") == [.damaged])
        #expect(inputs("$?#3g$?#3F") == [.damaged, .packet([0x3F])])
        #expect(inputs("$cut off$?#3f") == [.packet([0x3F])])
        let long = [UInt8](repeating: 0x61, count: Packet.limit + 1)
        #expect(inputs(Packet.framed(long)) == [.tooLong])
        #expect(inputs("$?#") == [])
    }

    @Test func escapesRoundTrip() {
        let bytes = (0...255).map { UInt8($0) }
        let escaped = Packet.escaped(bytes)
        #expect(Packet.unescaped(escaped) == bytes)
        #expect(!escaped.contains(UInt8(ascii: "#")) && !escaped.contains(UInt8(ascii: "$")))
        #expect(Packet.unescaped("ab}".utf8) == nil)
    }

    @Test func numbersHaveLimits() {
        var text = PacketText("ffffffffffffffff,1ffffffffffffffff".utf8)
        let largest = text.number()
        #expect(largest == .max)
        let tookComma = text.take(",")
        #expect(tookComma)
        let tooLarge = text.number()
        #expect(tooLarge == nil)
        #expect(text.rest.count == 17)
        var negative = PacketText("ffffffffffffffff".utf8)
        let count = negative.count()
        #expect(count == nil)
        #expect(Hex.bytes("0aF".utf8) == nil)
        #expect(Hex.bytes("0aFf".utf8) == [0x0A, 0xFF])
    }

    @Test func registersOfADescription() {
        let text = """
            <reg name='a' bitsize='32'/> <!-- <reg name="b" bitsize="8"/> --><regs/><reg
            bitsize = "12" regnum="7"><reg name="c" bitsize="x"/><reg name="d" bitsize="64"></reg><reg bitsize="8"
            """
        #expect(
            TargetDescription(text).registers == [
                .init(number: 0, size: 4), .init(number: 7, size: 2), .init(number: 8, size: 8),
                .init(number: 9, size: 1),
            ])
        #expect(TargetDescription(FakeMachine.description).registers.count == 33)
        for text in ["", "<", "<!--", "<reg ", "<reg a", "<reg a=", "<reg a='", "<reg bitsize=\"0\"/>"] {
            #expect(TargetDescription(text).registers.isEmpty)
        }
    }

    @Test func addressesAreParsed() throws {
        let expected: [(String, String, Bool)] = [
            ("1234", "tcp:127.0.0.1:1234", true), ("tcp:0,nowait", "tcp:127.0.0.1:0", false),
            ("tcp:localhost:5", "tcp:127.0.0.1:5", true), ("tcp:*:5", "tcp:0.0.0.0:5", true),
            ("tcp:10.1.2.3:65535", "tcp:10.1.2.3:65535", true), ("tcp:[::1]:7", "tcp:[::1]:7", true),
            ("unix:/a/b,c", "unix:/a/b,c", true), ("unix:x,nowait", "unix:x", false),
        ]
        for (text, shown, waits) in expected {
            let address = try ListenAddress(parsing: text)
            #expect(address.address.text == shown)
            #expect(address.address.gdbText == shown.replacing("unix:", with: ""))
            #expect(address.isWaitedFor == waits)
        }
        for text in [
            "", "tcp:", "unix:", ",nowait", "65536", "-1", "+1", "a", "tcp:host:1", "tcp:1.2.3:1",
            "tcp:::1:1",
            "tcp:[::g]:1", "1,wait", "unix:" + String(repeating: "x", count: 108), " 1", "tcp:1:",
        ] {
            #expect(throws: ListenAddress.Mistake.self, "\(text)") { try ListenAddress(parsing: text) }
        }
    }
}
