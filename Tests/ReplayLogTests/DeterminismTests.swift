import TestSupport
import Testing

@testable import ReplayLog
@testable import ReplaySystem

@Suite struct DeterminismTests {
    let scratch = Scratch()
    private let events = TestEvent.script(2000, seed: 42)

    private var variants: [LogOptions] {
        [
            LogOptions(), .test, LogOptions(segmentSize: 256, segmentEvents: 1, syncInterval: 0),
            LogOptions(segmentSize: 4096, segmentEvents: 7),
            LogOptions(segmentSize: 4000, compressionLevel: 1),
        ]
    }

    @Test func theSameEventsGiveTheSameBytes() throws {
        for options in variants {
            let first = Files.read(try scratch.finishedLog("first", events, options))
            let second = Files.read(try scratch.finishedLog("second", events, options))
            #expect(first == second)
        }
    }

    /// When segments are sealed and synced depends on the machine; what is in them doesn't.
    @Test func aSlowSealerAndABusyDiskChangeNoByte() throws {
        for (number, options) in variants.enumerated() {
            let quick = Files.read(try scratch.finishedLog("quick", events, options))
            var slow = options
            slow.syncInterval = 100_000
            slow.faults = SyscallFaults { call, number in
                if call == .write && number % 5 == 0 { Syscalls.pause() }
                return call == .write ? .short(1 + number % 1000) : .pass
            }
            let other = Files.read(try scratch.finishedLog("slow", events, slow))
            #expect(quick == other, "variant \(number)")
        }
    }

    @Test func playingAndRecordingAgainGivesTheSameBytes() throws {
        let path = try scratch.finishedLog("log", events)
        let again = Outcome(path).events
        #expect(Files.read(try scratch.finishedLog("again", again)) == Files.read(path))
    }

    @Test func aSegmentOfOneEventMakesAChunkOfOneEvent() throws {
        let options = LogOptions(segmentSize: 256, segmentEvents: 1, syncInterval: 0)
        let outcome = Outcome(try scratch.finishedLog("log", events, options))
        #expect(outcome.events == events && outcome.error == nil)
        let reader = try LogReader(path: scratch.path("log"))
        for index in stride(from: 0, to: 2000, by: 99) {
            try reader.seek(toEvent: UInt64(index))
            #expect(try reader.next().map { TestEvent($0) } == events[index])
        }
    }

    @Test func whatALongerLogOfThatNameHeldIsGone() throws {
        let short = Files.read(try scratch.finishedLog("short", Array(events[..<20])))
        try scratch.finishedLog("log", events)
        #expect(Files.read(try scratch.finishedLog("log", Array(events[..<20]))) == short)
        try scratch.diedLog("log", events)
        #expect(Files.read(try scratch.finishedLog("log", Array(events[..<20]))) == short)
    }
}
