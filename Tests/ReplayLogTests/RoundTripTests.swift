import Glibc
import TestSupport
import Testing

@testable import ReplayLog
@testable import ReplaySystem

@Suite struct RoundTripTests {
    let scratch = Scratch()

    @Test func everyKindKeepsItsExtremes() throws {
        var events: [TestEvent] = []
        var icount: UInt64 = 0
        let extremes: [Int64] = [
            0, 1, -1, 63, 64, -64, -65, 127, 128, 1 << 48, -(1 << 48), 1 << 55, .max, .min,
        ]
        let steps: [UInt64] = [0, 1, 127, 128, 16383, 16384, 1 << 21, 1 << 28, 1 << 35, 1 << 49, 1 << 56]
        for kind in EventKind.allCases {
            let letters = kind.layout.description
            for (number, value) in extremes.enumerated() {
                icount &+= steps[number % steps.count]
                var event = TestEvent(kind, number % 2 == 0 ? .vcpu : .io, icount)
                for index in 0..<letters.filter({ $0 != "b" }).count { event.values[index] = value }
                if letters.contains("b") {
                    event.bytes = [UInt8](repeating: UInt8(number), count: number * 7)
                }
                events.append(event)
            }
        }
        for options in [LogOptions.test, LogOptions()] {
            let outcome = Outcome(try scratch.finishedLog("log", events, options))
            #expect(outcome.error == nil)
            #expect(outcome.events == events)
            #expect(outcome.isFinished)
        }
    }

    @Test func clocksKeepEveryDistance() throws {
        var events: [TestEvent] = []
        var icount: UInt64 = 0
        for first in [0, 5, 127, 128, 20000, 1 << 27, 1 << 28, 1 << 40] as [UInt64] {
            for bits in 0..<64 {
                icount += first
                events.append(TestEvent(.clockHost, .vcpu, icount, [Int64(bitPattern: 1 << UInt64(bits))]))
                events.append(
                    TestEvent(.clockVirtualRT, .io, icount, [Int64(bitPattern: ~0 << UInt64(bits))]))
            }
        }
        let outcome = Outcome(try scratch.finishedLog("log", events, LogOptions()))
        #expect(outcome.error == nil)
        #expect(outcome.events == events)
    }

    @Test func theLargestInstructionCountIsReached() throws {
        let events = [
            TestEvent(.interrupt, .vcpu, .max - 1), TestEvent(.clockHost, .vcpu, .max, [.min]),
            TestEvent(.exception, .vcpu, .max),
        ]
        let outcome = Outcome(try scratch.finishedLog("log", events))
        #expect(outcome.events == events)
        #expect(outcome.error == nil)
    }

    /// The engine never does this; the log must not trap on it, and gives back what it was given.
    @Test func anInstructionCountThatGoesBackIsKept() throws {
        let events = [
            TestEvent(.interrupt, .vcpu, 1000), TestEvent(.clockHost, .io, 3, [5]), TestEvent(.block, .io, 2),
        ]
        #expect(Outcome(try scratch.finishedLog("log", events)).events == events)
    }

    @Test(arguments: [256, 257, 300, 1000, 5000, 70000])
    func randomEventsComeBackWithAnySegmentSize(size: Int) throws {
        let events = TestEvent.script(3000, seed: UInt64(size), longest: 200)
        let outcome = Outcome(
            try scratch.finishedLog("log", events, LogOptions(segmentSize: size, syncInterval: 0)))
        #expect(outcome.error == nil)
        #expect(outcome.events == events)
    }

    @Test func metadataAndEndComeBack() throws {
        let path = try scratch.finishedLog("log", TestEvent.script(100, seed: 1))
        let reader = try LogReader(path: path)
        #expect(reader.metadata.fingerprint.map(\.key) == ["ram", "cpu"] as [ByteText])
        #expect(reader.metadata.fingerprint.map(\.value) == ["64M", "rv64"] as [ByteText])
        #expect(reader.metadata.createdNs == 12345)
        #expect(reader.metadata.shift == 255)
        #expect(reader.metadata.flags == 9)
        #expect(reader.metadata.formatVersion == 2)
        #expect(reader.eventCountIfKnown == 100)
        #expect(reader.kinds.entry(18)?.name == "RANDOM")
        guard case .finished(let end) = reader.state else {
            Issue.record("not finished")
            return
        }
        #expect(
            end.cause == 3 && end.exitCode == -1 && end.digest == 7 && end.hasDigest && end.eventCount == 100)
        #expect(!Files.exists(path + ".live"))
    }

    @Test func anEmptyLogIsALog() throws {
        let outcome = Outcome(try scratch.finishedLog("log", []))
        #expect(outcome.events.isEmpty && outcome.error == nil && outcome.isFinished)
    }

    @Test func bytesInPiecesAreTheBytesInOne() throws {
        let data = (0..<100).map { UInt8($0) }
        let whole = try LogWriter(path: scratch.path("whole"), options: .test)
        let split = try LogWriter(path: scratch.path("split"), options: .test)
        #expect(data.withUnsafeBytes { whole.append(.net, .io, 5, 1, 2, bytes: $0) })
        data.withUnsafeBytes { bytes in
            let base = UnsafeMutableRawPointer(mutating: bytes.baseAddress!)
            let pieces = [
                iovec(iov_base: base, iov_len: 33), iovec(iov_base: nil, iov_len: 12),
                iovec(iov_base: base, iov_len: 0), iovec(iov_base: base + 33, iov_len: 67),
            ]
            #expect(pieces.withUnsafeBufferPointer { split.append(.net, .io, 5, 1, 2, pieces: $0) })
        }
        try whole.finish(LogEnd())
        try split.finish(LogEnd())
        #expect(Files.read(scratch.path("whole")) == Files.read(scratch.path("split")))
        #expect(Outcome(scratch.path("split")).events == [TestEvent(.net, .io, 5, [1, 2], bytes: data)])
    }

    @Test func factsFollowTheEvents() throws {
        let writer = try LogWriter(path: scratch.path("log"), options: .test)
        #expect(writer.eventCount == 0 && writer.lastIcount == 0 && writer.bytesWritten == 0)
        var bytes: UInt64 = 0
        for icount in 1...1000 as ClosedRange<UInt64> {
            #expect(writer.append(.interrupt, .vcpu, icount * 3))
            bytes += 2
            #expect(writer.bytesWritten == bytes)
        }
        #expect(writer.eventCount == 1000 && writer.lastIcount == 3000)
        try writer.finish(LogEnd())
        #expect(writer.bytesWritten == bytes && writer.eventCount == 1000)
    }
}
