import Glibc
import TestSupport
import Testing

@testable import ReplayLog
@testable import ReplaySystem

@Suite struct OversizeTests {
    let scratch = Scratch()

    @Test func eventsOfEveryLengthAroundASegmentComeBack() throws {
        var events: [TestEvent] = []
        for length in Array(0...20) + Array(110...400) {
            events.append(
                TestEvent(
                    .net, .io, UInt64(events.count * 2), [1, 2], bytes: [UInt8](repeating: 3, count: length)))
            if length % 3 == 0 { events.append(TestEvent(.interrupt, .vcpu, UInt64(events.count * 2))) }
        }
        let outcome = Outcome(try scratch.finishedLog("log", events))
        #expect(outcome.error == nil && outcome.events == events)
    }

    @Test func anEventOfManySegmentsIsAChunkOfItsOwn() throws {
        var generator = SeededGenerator(seed: 1)
        let bytes = (0..<1_000_000).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let events = [
            TestEvent(.blockData, .io, 1, [1, 2], bytes: bytes), TestEvent(.interrupt, .vcpu, 1),
            TestEvent(.blockData, .io, 9, [2, 2], bytes: [UInt8](repeating: 9, count: 3_000_000)),
            TestEvent(.blockData, .io, 9, [3, 2], bytes: bytes), TestEvent(.clockHost, .vcpu, 12, [7]),
        ]
        let path = try scratch.finishedLog("log", events)
        #expect(Outcome(path).events == events)
        #expect(try LogScan(path: path, system: Syscalls()).contents.entries.count == 5)
        #expect(Outcome(try scratch.diedLog("died", events)).events == events)
    }

    @Test func whatTheFormatCantHoldIsRefusedAndTheLogLivesOn() throws {
        let writer = try LogWriter(path: scratch.path("log"), options: .test)
        #expect(writer.append(.interrupt, .vcpu, 1))
        let byte = UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1)
        defer { byte.deallocate() }
        for length in [Int(Int32.max), Int(Int32.max) + 1, Int.max] {
            // Never touched: it is refused by its length.
            let bytes = UnsafeRawBufferPointer(start: byte, count: length)
            #expect(!writer.append(.net, .io, 2, 1, 2, bytes: bytes))
            #expect(writer.refusal?.code == .tooLarge && writer.failure == nil)
        }
        let pieces = [iovec](repeating: iovec(iov_base: byte, iov_len: Int.max / 2), count: 5)
        #expect(!pieces.withUnsafeBufferPointer { writer.append(.net, .io, 2, 1, 2, pieces: $0) })
        let one = UnsafeRawBufferPointer(start: byte, count: 1)
        #expect(!writer.append(.block, .io, 2, 1, 2, bytes: one))
        #expect(writer.append(.interrupt, .vcpu, 3))
        try writer.finish(LogEnd())
        #expect(Outcome(scratch.path("log")).events.map(\.icount) == [1, 3])
    }

    @Test func waitingForTheSealerIsCounted() throws {
        var options = LogOptions.test
        options.faults = SyscallFaults { call, _ in
            if call == .write { Syscalls.pause() }
            return .pass
        }
        let writer = try LogWriter(path: scratch.path("log"), options: options)
        for icount in 0..<2000 as Range<UInt64> { #expect(writer.append(.interrupt, .vcpu, icount)) }
        #expect(writer.stalls > 2)
        try writer.finish(LogEnd())
        #expect(Outcome(scratch.path("log")).events.count == 2000)
    }
}
