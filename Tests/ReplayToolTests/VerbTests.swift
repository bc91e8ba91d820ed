import ReplayLog
import Testing

@testable import ReplayTool

@Suite struct VerbTests {
    private func dump(_ recording: Recording, _ change: (inout DumpOptions) -> Void) -> ToolRun {
        var options = DumpOptions()
        change(&options)
        return ToolRun(json: true) { $0.dump(recording.path, options) }
    }

    private func indices(_ run: ToolRun) -> [UInt64] {
        run.lines.compactMap { line in
            let number = line.dropFirst(10).prefix { $0.isNumber }
            return line.hasPrefix("{\"event\": ") ? UInt64(number) : nil
        }
    }

    @Test(arguments: [true, false]) func dumpPrintsWhatIsBetweenTwoPlaces(_ isFinished: Bool) throws {
        let recording = try Recording(isFinished: isFinished)
        let all = dump(recording) { _ in }
        #expect(all.exit == .fine)
        #expect(all.complaints.isEmpty == isFinished)
        #expect(indices(all) == Array(0..<Recording.count))
        for (from, to) in [(0, 0), (9, 11), (5000, 5010), (9990, 20000), (30000, 30001)] as [(UInt64, UInt64)]
        {
            let byIcount = dump(recording) { ($0.from, $0.to) = (.icount(from), .icount(to)) }
            let expected = (0..<Recording.count).filter { (from...to).contains(Recording.icount($0)) }
            #expect(indices(byIcount) == expected)
            let byEvent = dump(recording) { ($0.from, $0.to) = (.event(from), .event(to)) }
            #expect(indices(byEvent) == (0..<Recording.count).filter { (from...to).contains($0) })
        }
    }

    /// The events that have one of these remainders.
    private func expected(_ remainders: [UInt64]) -> [UInt64] {
        (0..<Recording.count).filter { remainders.contains($0 % 5) }
    }

    @Test func dumpSelectsByKindAndRole() throws {
        let recording = try Recording()
        let clocks = dump(recording) { $0.kinds = ["clock_*"] }
        #expect(indices(clocks) == expected([1]))
        let two = dump(recording) { $0.kinds = ["INTERRUPT", "block"] }
        #expect(indices(two) == expected([0, 3]))
        let vcpu = dump(recording) { $0.role = .vcpu }
        #expect(indices(vcpu) == expected([0, 4]))
        let unknown = dump(recording) { $0.kinds = ["CLOCKS"] }
        #expect(
            unknown.exit == .unusable
                && unknown.complaints.first?.contains("no kind of event \"CLOCKS\"") == true)
    }

    @Test func dumpPrintsFieldsAndBytes() throws {
        let recording = try Recording()
        let json = dump(recording) { ($0.from, $0.to) = (.event(1), .event(4)) }.lines
        let clock = #"{"event": 1, "icount": 0, "role": "io", "kind": "CLOCK_HOST", "fields": {"ns": 1000}}"#
        let key = #"{"event": 2, "icount": 0, "role": "io", "kind": "CHAR_READ", "fields": {"device": 1}, "#
        let block = #""kind": "BLOCK", "fields": {"request": 3, "result": -5}}"#
        let shutdown = #""kind": "SHUTDOWN", "fields": {"cause": 2, "name": "host-quit"}}"#
        #expect(json.count == 4)
        #expect(json.first == clock)
        #expect(json.dropFirst().first?.hasPrefix(key) == true)
        #expect(json.dropFirst().first?.hasSuffix(#""hex": "6b657920320a", "text": "key 2."}"#) == true)
        #expect(json.dropFirst(2).first?.hasSuffix(block) == true)
        #expect(json.last?.hasSuffix(shutdown) == true)
        let text = ToolRun {
            var options = DumpOptions()
            (options.from, options.to) = (.event(2), .event(2))
            return $0.dump(recording.path, options)
        }
        #expect(text.lines.count == 2)
        #expect(text.lines.first == "        2              0 io   CHAR_READ device=1 bytes=6")
        #expect(
            text.lines.last?.contains("6b 65 79 20 32 0a") == true
                && text.lines.last?.hasSuffix("|key 2.|") == true)
    }

    @Test(arguments: [true, false]) func statsCountsEventsAndBytes(_ isFinished: Bool) throws {
        let run = try withRecording(isFinished) { path in ToolRun(json: true) { $0.stats(path) } }
        #expect(run.exit == .fine)
        let counts = #""counts": {"BLOCK": 1000, "CHAR_READ": 1000, "CLOCK_HOST": 1000, "INTERRUPT": 1000, "#
        #expect(run.lines.first?.contains(counts) == true)
        #expect(run.lines.first?.hasPrefix(#"{"events": 5000, "instructions": "#) == true)
        #expect(run.lines.first?.hasSuffix(#""clean": \#(isFinished)}"#) == true)
        // A head and, for all but the first, no other byte.
        #expect(run.lines.first?.contains(#""SHUTDOWN": 2000}"#) == true)
    }

    private func withRecording(_ isFinished: Bool, _ body: (String) -> ToolRun) throws -> ToolRun {
        let recording = try Recording(isFinished: isFinished)
        return withExtendedLifetime(recording) { body(recording.path) }
    }

    @Test func infoSaysHowARecordingEnded() throws {
        let finished = try withRecording(true) { path in ToolRun { $0.info(path) } }
        #expect(finished.exit == .fine)
        for line in [
            "state:         finished", "cause:         guest-shutdown (6), exit code 3",
            "icount:         10000",
            "events:        5000", "created:       2023-11-14 22:13:20 UTC", "  ram = 64M",
            "virtual time:  0.001280000 s",
        ] {
            #expect(finished.lines.contains(line.replacing("icount:         ", with: "icount:        ")))
        }
        let died = try withRecording(false) { path in ToolRun(json: true) { $0.info(path) } }
        #expect(died.exit == .fine)
        #expect(
            died.lines.first?.contains(#""state": "died", "reason": "its recorder ended without"#) == true)
        #expect(died.lines.first?.contains(#""icount": 9990"#) == true)
        #expect(died.lines.first?.contains(#""damage": null"#) == true)
    }

    @Test func verifyFindsDamageAndItsPlace() throws {
        let recording = try Recording()
        #expect(ToolRun { $0.verify(recording.path, unfinishedIsFine: false) }.exit == .fine)
        recording.damage(at: 5000)
        let run = ToolRun(json: true) { $0.verify(recording.path, unfinishedIsFine: true) }
        #expect(run.exit == .different)
        #expect(run.lines.first?.contains(#""intact": false, "complete": false"#) == true)
        #expect(run.lines.first?.contains("is damaged in chunk") == true)
        for verb in [{ $0.stats(recording.path) }, { $0.dump(recording.path, DumpOptions()) }]
            as [(LogTool) -> ToolExit]
        {
            let run = ToolRun(verb)
            #expect(run.exit == .different && run.complaints.count == 1 && run.lines.count > 3)
        }
    }

    @Test func aLogWithoutAnEndIsIncomplete() throws {
        let recording = try Recording(isFinished: false)
        #expect(ToolRun { $0.verify(recording.path, unfinishedIsFine: false) }.exit == .different)
        #expect(ToolRun { $0.verify(recording.path, unfinishedIsFine: true) }.exit == .fine)
    }

    @Test func aRecordingThatBeginsLikeALogOfQEMUsIsRepaired() throws {
        let recording = try Recording()
        // A killed QEMU leaves zeros where the version belongs; an instruction event follows, then nothing that is one.
        recording.overwrite([UInt8](repeating: 0, count: 13) + [0x61, 0xb8, 0xd5, 4, 0x31])
        #expect(OpenedLog.isQEMU(recording.path))
        let run = ToolRun { $0.repair(recording.path, to: recording.path + ".good", force: false) }
        #expect(run.exit == .fine && run.complaints.isEmpty)
        #expect(run.lines.first?.hasPrefix("\(recording.path).good has 5000 events") == true)
    }

    @Test func outputThatNobodyReadsEndsAVerb() throws {
        let recording = try Recording()
        var calls = 0
        let output = ToolOutput(
            print: { _ in
                calls += 1
                return false
            }, complain: { _ in })
        #expect(LogTool(output: output, json: true).dump(recording.path, DumpOptions()) == .fine)
        #expect(calls == 1 && output.isBroken)
    }
}
