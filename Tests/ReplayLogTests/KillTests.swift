import Synchronization
import TestSupport
import Testing

@testable import ReplayLog
@testable import ReplaySystem

/// A kill is a copy of both files at some moment: what is in them is all that a dead recorder leaves.
@Suite struct KillTests {
    let scratch = Scratch()

    private func killAtEveryEvent(_ events: [TestEvent], _ options: LogOptions, late: Int = 0) throws {
        let path = scratch.path("log")
        let copy = scratch.path("copy")
        let writer = try LogWriter(path: path, options: options)
        for (count, event) in events.enumerated() {
            if count == late { try writer.writeMetadata(.test) }
            #expect(writer.append(event))
            Files.copyLog(path, to: copy)
            let outcome = Outcome(copy)
            #expect(outcome.error == nil, "killed after event \(count)")
            #expect(outcome.events == Array(events.prefix(count + 1)), "killed after event \(count)")
            #expect(outcome.hasDied, "killed after event \(count)")
        }
        try writer.finish(LogEnd(icount: writer.lastIcount))
        let outcome = Outcome(path)
        #expect(outcome.events == events && outcome.isFinished)
    }

    @Test func nothingIsLostAtAnyEvent() throws {
        try killAtEveryEvent(TestEvent.script(300, seed: 2), .test)
    }

    @Test func nothingIsLostWithOneEventASegment() throws {
        try killAtEveryEvent(
            TestEvent.script(100, seed: 3), LogOptions(segmentSize: 256, segmentEvents: 1, syncInterval: 0))
    }

    @Test func nothingIsLostWithOversizeEvents() throws {
        try killAtEveryEvent(TestEvent.script(100, seed: 4, longest: 900), .test)
    }

    @Test func nothingIsLostBeforeTheMetadata() throws {
        try killAtEveryEvent(
            TestEvent.script(60, seed: 5, longest: 3), LogOptions(segmentSize: 8192, syncInterval: 0),
            late: 40)
    }

    /// The sealer stops for a while in the middle of every write.
    @Test func nothingIsLostWhileTheSealerLags() throws {
        var options = LogOptions.test
        options.faults = SyscallFaults { call, count in
            guard call == .write else { return .pass }
            if count % 3 != 0 { Syscalls.pause() }
            return count % 3 == 2 ? .pass : .short(40)
        }
        try killAtEveryEvent(TestEvent.script(300, seed: 6), options)
    }

    /// A recorder continues while a different thread makes copies.
    @Test func aCopyAtAnyMomentIsABeginning() throws {
        let events = TestEvent.script(4000, seed: 7)
        let path = scratch.path("log")
        let writer = try LogWriter(path: path, options: LogOptions(segmentSize: 1024, syncInterval: 0))
        try writer.writeMetadata(.test)
        let done = Atomic(false)
        let copies = Atomic(0)
        let copier = Thread {
            while !done.load(ordering: .acquiring) {
                Files.copyLog(path, to: path + ".copy")
                let outcome = Outcome(path + ".copy")
                // A copy that takes time may have states of different moments, which is reported.
                #expect(outcome.error == nil || outcome.error?.code == .damaged)
                #expect(outcome.events == Array(events.prefix(outcome.events.count)))
                copies.add(1, ordering: .relaxed)
            }
        }
        for event in events { #expect(writer.append(event)) }
        while copies.load(ordering: .relaxed) < 3 { Syscalls.pause() }
        done.store(true, ordering: .releasing)
        copier.join()
        try writer.finish(LogEnd())
        #expect(Outcome(path).events == events)
    }

    @Test func aRecorderThatLeavesWithoutAnEndLeavesADiedLog() throws {
        let events = TestEvent.script(500, seed: 9)
        do {
            let writer = try LogWriter(path: scratch.path("log"), options: .test)
            for event in events { #expect(writer.append(event)) }
        }
        let outcome = Outcome(scratch.path("log"))
        #expect(outcome.events == events && outcome.error == nil)
        #expect(outcome.state == .died(reason: "its recorder ended without replay_finish()"))
    }
}
