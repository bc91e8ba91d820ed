import Glibc
import ReplaySystem
import TestSupport
import Testing

@testable import ReplayLog

@Suite struct StateTests {
    let scratch = Scratch()
    private let events = TestEvent.script(400, seed: 14)

    @Test func aLogThatIsBeingWrittenSaysSo() throws {
        let path = scratch.path("log")
        let writer = try LogWriter(path: path, options: .test)
        try writer.writeMetadata(.test)
        for (count, event) in events.enumerated() {
            #expect(writer.append(event))
            let reader = try LogReader(path: path)
            #expect(reader.state == .running && reader.eventCountIfKnown == nil)
            let (read, error) = reader.readAll()
            #expect(error == nil && read == Array(events.prefix(count + 1)))
        }
        writer.abandon()
        #expect(Outcome(path).state == .died(reason: "its recorder ended without replay_finish()"))
        #expect(Outcome(path).events == events)
    }

    @Test func aLogCanBeReadWhileItGrows() throws {
        let path = scratch.path("log")
        let many = TestEvent.script(20000, seed: 15)
        let writer = try LogWriter(
            path: path, options: LogOptions(segmentSize: 4096, syncInterval: 1_000_000))
        try writer.writeMetadata(.test)
        let recorder = Thread {
            for event in many { #expect(writer.append(event)) }
            do throws(LogError) { try writer.finish(LogEnd()) } catch { Issue.record("\(error)") }
        }
        var outcome: Outcome
        repeat {
            outcome = Outcome(path)
            #expect(outcome.error == nil)
            #expect(outcome.events == Array(many.prefix(outcome.events.count)))
        } while !outcome.isFinished && outcome.error == nil
        recorder.join()
        #expect(Outcome(path).events == many)
    }

    @Test func aSecondRecorderIsRefusedAndDisturbsNothing() throws {
        let path = scratch.path("log")
        let writer = try LogWriter(path: path, options: .test)
        for event in events {
            #expect(writer.append(event))
            do throws(LogError) {
                _ = try LogWriter(path: path, options: .test)
                Issue.record("two recorders")
            } catch {
                #expect(error.code == .busy)
            }
        }
        try writer.finish(LogEnd())
        #expect(Outcome(path).events == events)
        let next = try LogWriter(path: path, options: .test)
        try next.finish(LogEnd())
        #expect(Outcome(path).events.isEmpty && Outcome(path).isFinished)
    }

    @Test func aLiveFileOfAnotherRecordingIsToldApart() throws {
        try scratch.diedLog("log", (0..<400).map { TestEvent(.interrupt, .vcpu, $0 * 2) })
        try scratch.diedLog("other", (0..<400).map { TestEvent(.interrupt, .vcpu, $0 * 3) })
        let live = try #require(Files.read(scratch.path("other.live")))
        Files.write(scratch.path("log.live"), live)
        let error = try #require(Outcome(scratch.path("log")).error)
        #expect(error.code == .foreign && error.message.contains("different recording"))

        let writer = try LogWriter(path: scratch.path("third"), options: .test)
        try writer.writeMetadata(LogMetadata(fingerprint: [("ram", "65M")]))
        #expect(writer.append(.interrupt, .vcpu, 1))
        writer.abandon()
        try scratch.diedLog("short", [events[0]])
        Files.write(scratch.path("short.live"), try #require(Files.read(scratch.path("third.live"))))
        #expect(Outcome(scratch.path("short")).error?.code == .foreign)
    }

    @Test func aFinishedLogDoesntLookAtAnOldLiveFile() throws {
        try scratch.diedLog("other", events)
        let path = try scratch.finishedLog("log", events)
        Files.write(path + ".live", try #require(Files.read(scratch.path("other.live"))))
        #expect(Outcome(path).isFinished && Outcome(path).events == events)
    }

    @Test func aLogWithoutAnEndIsScannedOnce() throws {
        let path = try scratch.diedLog("log", TestEvent.script(2000, seed: 31))
        #expect(unlink(path + ".live") == 0)
        let chunks = try LogScan(path: path, system: Syscalls()).contents.entries.count
        let faults = SyscallFaults { _, _ in .pass }
        let reader = try LogReader(path: path, faults: faults)
        #expect(reader.eventCountIfKnown != nil && chunks > 50)
        #expect(faults.count(.read) < chunks + 20, "\(faults.count(.read)) reads of \(chunks) chunks")
    }

    @Test func readingChangesNoFile() throws {
        let path = try scratch.diedLog("log", events)
        let before = (Files.read(path), Files.read(path + ".live"))
        #expect(Outcome(path).events == events)
        #expect(Files.read(path) == before.0 && Files.read(path + ".live") == before.1)
    }

    @Test func metadataIsAskedForWhenTheFirstChunkIsDue() throws {
        let writer = try LogWriter(path: scratch.path("log"), options: .test)
        nonisolated(unsafe) var asked = 0
        writer.provideMetadata = {
            asked += 1
            return .test
        }
        for event in events { #expect(writer.append(event)) }
        #expect(asked == 1)
        #expect(throws: LogError.self) { try writer.writeMetadata(.test) }
        try writer.finish(LogEnd())
        #expect(asked == 1)
        #expect(try LogReader(path: scratch.path("log")).metadata.fingerprint.count == 2)
    }

    @Test func aClosedLogTakesNothing() throws {
        for end in [true, false] {
            let writer = try LogWriter(path: scratch.path("log"), options: .test)
            #expect(writer.append(.interrupt, .vcpu, 1))
            if end { try writer.finish(LogEnd()) } else { writer.abandon() }
            #expect(!writer.append(.interrupt, .vcpu, 2))
            #expect(!writer.appendClock(.clockHost, .vcpu, 2, 1))
            #expect(!writer.append(.block, .io, 2, 1, 2))
            #expect(!writer.append(TestEvent(.random, .io, 2, [1], bytes: [UInt8](repeating: 0, count: 999))))
            #expect(throws: LogError.self) { try writer.finish(LogEnd()) }
            #expect(throws: LogError.self) { try writer.writeMetadata(.test) }
            writer.abandon()
            #expect(writer.eventCount == 1 && Outcome(scratch.path("log")).events.count == 1)
        }
    }
}
