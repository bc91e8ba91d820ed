import Testing

@testable import ReplayGDB

@Suite struct MotionTests {
    private func pc(_ talk: Talk) -> UInt64 { talk.machine.machine.cpus[0].pc }
    private func icount(_ talk: Talk) -> UInt64 { talk.machine.machine.icount }

    @Test func stepsForwardAndBack() {
        let talk = Talk(FakeMachine())
        #expect(talk.ask("?") == "T05thread:1;")
        for count in 1...5 {
            #expect(talk.ask(count % 2 == 0 ? "s" : "vCont;s:1;c") == "T05thread:1;")
            #expect(icount(talk) == UInt64(count))
        }
        for count in (0..<5).reversed() {
            #expect(talk.ask("bs") == "T05thread:1;")
            #expect(icount(talk) == UInt64(count))
        }
        #expect(talk.ask("bs") == "T05replaylog:begin;thread:1;")
        #expect(talk.ask("c") == "T05replaylog:end;thread:1;")
        #expect(talk.ask("vCont;c") == "T05replaylog:end;thread:1;")
        #expect(talk.ask("?") == "T05thread:1;")
        #expect(talk.ask("bc") == "T05replaylog:begin;thread:1;")
        #expect(talk.ask("C05") == "T05replaylog:end;thread:1;")
        #expect(talk.ask("vCont;t") == "T05thread:1;")
        for malformed in [
            "c1000", "s1000", "C", "Cx", "S", "vCont", "vCont;", "vCont;x", "vCont;C", "vCont;s:9",
            "vCont;c1",
        ] {
            #expect(talk.ask(malformed) == "E16", "\(malformed)")
        }
        #expect(Talk(FakeMachine(canReverse: false)).ask("bs") == "")
    }

    @Test func aRefusalIsPrinted() {
        let talk = Talk(FakeMachine())
        #expect(talk.ask("s") == "T05thread:1;")
        talk.machine.refusal = "no way back"
        for packet in ["bs", "bc"] {
            #expect(talk(packet) == ["O" + Hex.text("no way back\n".utf8), "T05replaylog:begin;thread:1;"])
            #expect(talk.session.phase == .stopped)
        }
        talk.machine.refusal = nil
        #expect(talk.ask("bs") == "T05thread:1;")
    }

    @Test func breakpoints() {
        let talk = Talk(FakeMachine())
        _ = talk.ask("qSupported:swbreak+;hwbreak+")
        #expect(talk.ask("Z0,1020,4") == "OK")
        #expect(talk.ask("c") == "T05swbreak:;thread:1;")
        #expect(icount(talk) == 5)
        #expect(talk.ask("c") == "T05swbreak:;thread:1;")
        #expect(icount(talk) == 12)
        #expect(talk.ask("z0,1020,4") == "OK")
        #expect(talk.ask("z0,1020,4") == "OK")
        #expect(talk.ask("Z1,1010,4") == "OK")
        #expect(talk.ask("bc") == "T05hwbreak:;thread:1;")
        #expect(icount(talk) == 11)
        for malformed in [
            "Z", "Z0", "Z0,", "Z0,1", "Z0,1,", "Z2,0,0", "Z2,ffffffffffffffff,2", "Z0,1,4;X1",
            "Z0,1,4;cmds:0,X1,27", "z0,1,4;",
        ] {
            #expect(talk.ask(malformed) == "E16", "\(malformed)")
        }
        let old = Talk(FakeMachine())
        #expect(old.ask("Z0,1020,4") == "OK")
        #expect(old.ask("c") == "T05thread:1;")
    }

    @Test func conditionsAreEvaluatedInTheMachine() {
        let talk = Talk(FakeMachine())
        // a0 == 50
        #expect(talk.ask("Z0,1020,4;X7,26000a22321327") == "OK")
        #expect(talk.ask("c") == "T05thread:1;")
        #expect(talk.machine.machine.cpus[0].x[10] == 50)
        #expect(talk.machine.asked == 50)
        #expect(talk.ask("c") == "T05replaylog:end;thread:1;")
        #expect(talk.ask("bc") == "T05thread:1;")
        #expect(talk.machine.machine.cpus[0].x[10] == 50)
        // a0 == 20 or a0 == 21 replaces it.
        #expect(talk.ask("Z0,1020,4;X7,26000a22141327X7,26000a22151327") == "OK")
        #expect(talk.ask("bc") == "T05thread:1;")
        #expect(talk.machine.machine.cpus[0].x[10] == 21)
        #expect(talk.ask("bc") == "T05thread:1;")
        #expect(talk.machine.machine.cpus[0].x[10] == 20)
        // What can't be evaluated stops.
        #expect(talk.ask("Z0,1020,4;X1,00") == "OK")
        #expect(talk.ask("c") == "T05thread:1;")
        #expect(talk.machine.machine.cpus[0].x[10] == 21)
        #expect(talk.machine.breaks.count == 1)
    }

    @Test func watchpointsThatGDBStepsOver() {
        let talk = Talk(FakeMachine())
        #expect(talk.ask("Z2,2000,8") == "OK")
        #expect(talk.ask("c") == "T05watch:2000;thread:1;")
        #expect(icount(talk) == 3)
        #expect(talk.ask("s") == "T05thread:1;")
        #expect(talk.ask("c") == "T05watch:2000;thread:1;")
        #expect(icount(talk) == 10)
        // Back: after the write, which gdb steps over back.
        #expect(talk.ask("bc") == "T05watch:2000;thread:1;")
        #expect(icount(talk) == 4)
        #expect(talk.ask("bs") == "T05thread:1;")
        #expect(icount(talk) == 3)
        // Forward, it is an access that hasn't been reported.
        #expect(talk.ask("c") == "T05watch:2000;thread:1;")
        #expect(icount(talk) == 3)
        #expect(talk.ask("s") == "T05thread:1;")
        #expect(icount(talk) == 4)
    }

    @Test(arguments: [false, true])
    func watchpointsThatAreCompleted(_ isLLDB: Bool) {
        let talk = Talk(FakeMachine(xml: isLLDB ? nil : "<architecture>i386</architecture>"))
        if isLLDB { _ = talk.ask("qHostInfo") }
        #expect(talk.ask("Z2,2000,8") == "OK")
        #expect(talk.ask("c") == "T05watch:2000;thread:1;")
        #expect(icount(talk) == 4)
        #expect(talk.ask("m2000,1") == "01")
        #expect(talk.ask("c") == "T05watch:2000;thread:1;")
        #expect(talk.ask("m2000,1") == "02")
        // Back: before the write that made it 2, with the old value.
        #expect(talk.ask("bc") == "T05watch:2000;thread:1;")
        #expect(icount(talk) == 10)
        #expect(talk.ask("m2000,1") == "01")
        // Forward from there, the write is reported after it.
        #expect(talk.ask("s") == "T05watch:2000;thread:1;")
        #expect(icount(talk) == 11)
        #expect(talk.ask("s") == "T05thread:1;")
        #expect(talk.ask("bc") == "T05watch:2000;thread:1;")
        #expect(talk.ask("c") == "T05watch:2000;thread:1;")
        #expect(icount(talk) == 11)
        #expect(talk.ask("bc") == "T05watch:2000;thread:1;")
        #expect(talk.ask("z2,2000,8") == "OK")
        #expect(talk.ask("s") == "T05thread:1;")
        // A step onto the write, and over it.
        #expect(talk.ask("Z2,2000,8") == "OK")
        for _ in 0..<6 { #expect(talk.ask("s") == "T05thread:1;") }
        #expect(talk.ask("s") == "T05watch:2000;thread:1;")
        #expect(talk.ask("z2,2000,8") == "OK")
        #expect(talk.ask("Z4,2007,1") == "OK")
        #expect(talk.ask("c") == "T05awatch:2000;thread:1;")
        #expect(talk.ask("z4,2007,1") == "OK")
        #expect(talk.ask("Z3,2000,8") == "OK")
        #expect(talk.ask("c") == "T05replaylog:end;thread:1;")
    }

    @Test func aWatchpointThatWasRemovedIsNotReported() {
        let talk = Talk(FakeMachine(xml: "<architecture>i386</architecture>"))
        #expect(talk.ask("Z2,2000,8") == "OK")
        #expect(talk.ask("c") == "T05watch:2000;thread:1;")
        #expect(talk.ask("bc") == "T05watch:2000;thread:1;")
        // The machine is before the write to a place that is watched no longer.
        #expect(talk.ask("z2,2000,8") == "OK")
        #expect(talk.ask("Z2,2800,8") == "OK")
        #expect(talk.ask("c") == "T05replaylog:end;thread:1;")
    }

    @Test func anInterruptThatCrossesAStopEndsTheNextMotion() {
        let talk = Talk(FakeMachine())
        #expect(talk.ask("Z0,1020,4") == "OK")
        for motion in ["c", "s", "vCont;s:1", "bc", "bs"] {
            // Before the machine's stop is noticed, and after its reply.
            for isLate in [false, true] {
                talk.session.receive(Packet.framed("c".utf8))
                if isLate { #expect(talk.answers() == ["T05thread:1;"]) }
                talk.session.receive([0x03])
                if !isLate { #expect(talk.answers() == ["T05thread:1;"]) }
                let place = icount(talk)
                #expect(talk.ask(motion) == "T02thread:1;")
                #expect(icount(talk) == place)
                #expect(talk.ask("s") == "T05thread:1;")
            }
        }
        // A stop that is shown to the user ends it; and LLDB counts stops.
        #expect(talk.ask("z0,1020,4") == "OK")
        talk.session.receive(Packet.framed("c".utf8) + [0x03])
        #expect(talk.answers() == ["T05replaylog:end;thread:1;"])
        #expect(talk.ask("bs") == "T05thread:1;")
        _ = talk.ask("qHostInfo")
        talk.session.receive([0x03])
        #expect(talk.ask("bs") == "T05thread:1;")
        talk.session.receive(Packet.framed("s".utf8) + [0x03])
        #expect(talk.answers() == ["T05thread:1;"])
        #expect(talk.ask("bs") == "T05thread:1;")
    }

    @Test func severalCPUs() {
        let talk = Talk(FakeMachine(cpus: 2))
        #expect(talk.ask("Z0,1044,4") == "OK")
        #expect(talk.ask("c") == "T05thread:2;")
        #expect(talk.ask("qC") == "QC2")
        #expect(talk.ask("p20") == "4410000000000000")
        #expect(talk.ask("vCont;s:1") == "T05thread:1;")
        #expect(talk.ask("Hc2") == "OK")
        #expect(talk.ask("s") == "T05thread:2;")
        #expect(talk.ask("bs") == "T05thread:2;")
    }

    @Test func leavingRemovesBreaksAndGoesOn() {
        for (packet, answers) in [("D", ["OK"]), ("D;1", ["OK"]), ("vKill;1", ["OK"]), ("k", ["X09"])] {
            let talk = Talk(FakeMachine())
            #expect(talk.ask("Z0,1020,4") == "OK")
            #expect(talk.ask("c") == "T05thread:1;")
            #expect(talk(packet) == answers)
            #expect(talk.session.phase == .gone && talk.session.endsConnection)
            #expect(talk.machine.detaches == 1 && talk.machine.breaks.isEmpty)
            #expect(icount(talk) == 690)
        }
    }

    @Test func acknowledgements() {
        let session = DebugSession(FakeMachine())
        func exchange(_ text: String) -> String {
            session.receive(text.utf8)
            defer { session.sent(session.output.count) }
            return String(decoding: session.output, as: UTF8.self)
        }
        #expect(exchange("$qC#b4") == "+$QC1#c5")
        #expect(exchange("+") == "")
        #expect(exchange("$qC#b5") == "-")
        #expect(exchange("-") == "$QC1#c5")
        #expect(exchange("$") + exchange("q") + exchange("C#") + exchange("b4") == "+$QC1#c5")
        #expect(exchange("$" + String(repeating: "q", count: 40_000) + "#40").hasSuffix("$E07#ac"))
        #expect(exchange("$QStartNoAckMode#b0") == "+$OK#9a")
        #expect(exchange("+$qC#b4-") == "$QC1#c5")
        #expect(exchange("$qC#b5") == "$E16#ac")
        #expect(exchange("\u{3}") == "")
    }

    @Test func outputIsBounded() {
        let session = DebugSession(FakeMachine())
        session.receive("$g#67".utf8)
        for _ in 0..<100 { session.receive([UInt8](repeating: UInt8(ascii: "-"), count: 1000)) }
        #expect(session.output.count < 200_000)
        #expect(!session.wantsInput)
    }
}
