import Testing

@testable import ReplayGDB

@Suite struct CommandTests {
    @Test func featuresAreAgreedOn() {
        let talk = Talk(FakeMachine())
        let answer = talk.ask("qSupported:multiprocess+;swbreak+;hwbreak+;xmlRegisters=i386")
        #expect(answer.contains("PacketSize=8000") && answer.contains("qXfer:features:read+"))
        #expect(
            answer.contains("ReverseStep+;ReverseContinue+") && answer.contains("ConditionalBreakpoints+"))
        #expect(!Talk(FakeMachine(canReverse: false)).ask("qSupported").contains("Reverse"))
        #expect(talk.session.features.softwareReason && talk.session.features.hardwareReason)
        for unknown in [
            "", "vMustReplyEmpty", "!", "qTStatus", "qCRC:0,1", "jThreadsInfo", "vFile:open:00", "QNonStop:1",
            "_M1",
            "vContinue", "Z5,0,1", "z9,0,1", "b", "qXfer:auxv:read::0,100", "qRegisterInfo0",
        ] {
            #expect(talk.ask(unknown) == "", "\(unknown)")
        }
    }

    @Test func theDescriptionComesInParts() {
        let talk = Talk(FakeMachine(xml: "<a>#$}*</a>"))
        #expect(talk.ask("qXfer:features:read:target.xml:0,fff") == "l<a>}\u{3}}\u{4}}]}\n</a>")
        #expect(talk.ask("qXfer:features:read:target.xml:0,4") == "m<a>")
        #expect(talk.ask("qXfer:features:read:target.xml:b,4") == "l")
        #expect(talk.ask("qXfer:features:read:target.xml:c,4") == "E16")
        #expect(talk.ask("qXfer:features:read:other.xml:0,4") == "E16")
        #expect(talk.ask("qXfer:features:read:target.xml:0") == "E16")
    }

    @Test func registers() {
        let talk = Talk(FakeMachine(canReverse: false))
        #expect(talk.ask("g").count == 33 * 16)
        #expect(talk.ask("g").hasSuffix("0010000000000000"))
        #expect(talk.ask("p20") == "0010000000000000")
        #expect(talk.ask("p21") == "E0e")
        #expect(talk.ask("P5=1122334455667788") == "OK")
        #expect(talk.ask("p5") == "1122334455667788")
        #expect(talk.ask("P0=1122334455667788") == "E0e")
        let all = talk.ask("g")
        #expect(talk.ask("G" + all) == "OK")
        #expect(talk.ask("G" + all.dropLast(2)) == "E16")
        #expect(talk.ask("G" + String(repeating: "0", count: 32 * 16) + "4010000000000000") == "OK")
        #expect(talk.ask("p20") == "4010000000000000")
        for malformed in [
            "p", "pg", "p1,", "P", "P1", "P1=", "P1=1", "P1=zz", "Gx", "gg", "pffffffffffffffff",
        ] {
            #expect(talk.ask(malformed) == "E16", "\(malformed)")
        }
        // Those that the machine doesn't have.
        let unknown = Talk(
            FakeMachine(xml: "<reg bitsize=\"32\" regnum=\"40\"/><reg bitsize=\"64\" regnum=\"1\"/>"))
        #expect(unknown.ask("g") == String(repeating: "0", count: 16) + "xxxxxxxx")
        #expect(unknown.ask("p28") == "xxxxxxxx")
        #expect(Talk(FakeMachine(xml: "")).ask("g").count == 33 * 16)
    }

    @Test func memory() {
        let talk = Talk(FakeMachine(canReverse: false))
        #expect(talk.ask("m1000,4") == "13050000")
        #expect(talk.ask("m1000,0") == "")
        // The rest of the page, as far as it exists.
        #expect(talk.ask("m2ff8,20").count == 16)
        #expect(talk.ask("m3000,1") == "E0e")
        #expect(talk.ask("mffffffffffffffff,ffff") == "E0e")
        #expect(talk.ask("m0,ffffffffffffffff").count == 0x2000)
        #expect(talk.ask("M2000,2:abcd") == "OK")
        #expect(talk(Array("X2002,2:".utf8) + [0x7D, 0x03, 0x7F]) == ["OK"])
        #expect(talk.ask("m2000,4") == "abcd237f")
        #expect(talk.ask("X2000,0:") == "OK")
        #expect(talk.ask("M3000,1:00") == "E0e")
        #expect(talk.ask("Mffffffffffffffff,2:0000") == "E0e")
        for malformed in [
            "m", "m0", "m0,", "m,1", "m0,1,", "M0,1", "M0,1:", "M0,1:0", "M0,2:00", "X0,1:", "X0,1:}",
            "m10000000000000000,1",
        ] {
            #expect(talk.ask(malformed) == "E16", "\(malformed)")
        }
    }

    @Test func aRecordingIsNotChanged() {
        let talk = Talk(FakeMachine())
        let all = talk.ask("g")
        for packet in ["P5=1122334455667788", "G" + all] {
            #expect(talk.ask(packet) == "E.a recording's registers and memory can't be changed", "\(packet)")
        }
        for packet in ["M2000,1:00", "X2000,1:a"] { #expect(talk.ask(packet) == "E01", "\(packet)") }
        _ = talk.ask("qHostInfo")
        #expect(talk.ask("P5=1122334455667788") == "E01")
        #expect(talk.ask("X2000,0:") == "OK")
    }

    @Test func threads() {
        let talk = Talk(FakeMachine(cpus: 2))
        #expect(talk.ask("qfThreadInfo") == "m1,2")
        #expect(talk.ask("qsThreadInfo") == "l")
        #expect(talk.ask("qThreadExtraInfo,2") == Hex.text("vCPU 1".utf8))
        #expect(talk.ask("qC") == "QC1")
        #expect(talk.ask("T2") == "OK")
        #expect(talk.ask("Hg2") == "OK")
        #expect(talk.ask("p20") == "4010000000000000")
        #expect(talk.ask("Hc-1") == "OK")
        #expect(talk.ask("Hg0") == "OK")
        for malformed in [
            "T3", "T0", "T", "Hg3", "H", "Hx1", "Hg1,", "qThreadExtraInfo", "qThreadExtraInfo,3", "Hgp1.1",
        ] {
            #expect(talk.ask(malformed) == "E16", "\(malformed)")
        }
        let many = Talk(FakeMachine(cpus: 9000))
        var ids: [Substring] = []
        var list = many.ask("qfThreadInfo")
        while list != "l" {
            ids += list.dropFirst().split(separator: ",")
            #expect(list.utf8.count <= Packet.limit)
            list = many.ask("qsThreadInfo")
        }
        #expect(ids.count == 9000 && ids.last == "2328")
    }

    @Test func whatLLDBAsks() {
        let talk = Talk(FakeMachine())
        #expect(talk.ask("qHostInfo") == "endian:little;watchpoint_exceptions_received:after;")
        #expect(talk.ask("qAttached") == "1")
        #expect(talk.ask("qSymbol::") == "OK")
        #expect(talk.ask("vCont?") == "vCont;c;C;s;S;t")
    }

    /// gdb gets one packet, LLDB packets that it prints.
    @Test(arguments: [false, true])
    func monitorCommands(_ isLLDB: Bool) {
        let talk = Talk(FakeMachine())
        if isLLDB { _ = talk.ask("qHostInfo") }
        func monitor(_ command: String) -> String {
            let answers = talk("qRcmd," + Hex.text(command.utf8))
            #expect(answers.count == (isLLDB ? 2 : 1))
            #expect(answers.last == "OK" || !isLLDB)
            let digits = answers[0].utf8.drop { $0 == UInt8(ascii: "O") }
            return String(decoding: Hex.bytes(digits) ?? [], as: UTF8.self)
        }
        #expect(monitor("where") == "icount 0\n")
        #expect(monitor("seek 100").hasPrefix("icount 100\n"))
        #expect(monitor("seek 0x20").hasPrefix("icount 32\n"))
        #expect(monitor("seek event 5") == "this machine has no events\n")
        #expect(monitor("seek 700") == "icount 700 is after the end\n")
        for wrong in ["seek", "seek x", "seek 1 2", "seek event", "seek -1", "seek 99999999999999999999"] {
            #expect(monitor(wrong).hasPrefix("seek needs"), "\(wrong)")
        }
        #expect(monitor("dance") == "there is no command dance\n")
        #expect(talk.ask("qRcmd,7") == "E16")
        #expect(talk.ask("qRcmd") == "E16")
    }

    @Test func aPacketEndsASeekThatTheDebuggerHasGivenUp() {
        let talk = Talk(FakeMachine())
        for (packet, answer) in [("qC", "QC1"), ("qAttached", "1")] {
            talk.session.receive(Packet.framed("qRcmd,7365656b203130".utf8))
            #expect(talk.session.phase == .seeking(isAwaited: true))
            // The seek has no answer any more.
            #expect(talk(packet) == [answer])
            #expect(talk.session.phase == .stopped)
        }
    }
}
