import TestSupport
import Testing

@testable import ReplayLog
@testable import ReplaySystem

/// Where chunks end: so that one damaged byte costs a stated part of a long run with few events.
@Suite struct SealTests {
    let scratch = Scratch()

    private func entries(_ path: String) throws -> [LogIndex.Entry] {
        try LogScan(path: path, system: Syscalls()).contents.entries
    }

    @Test func aChunkSpansAtMostAnEighthOfTheRunOr64MiInstructions() throws {
        var generator = SeededGenerator(seed: 8)
        for most in [1_000_000, 100_000_000, 1 << 40] as [UInt64] {
            var icount: UInt64 = 0
            let events = (0..<500).map { number in
                icount += UInt64.random(in: 0...most, using: &generator)
                switch number % 3 {
                case 0: return TestEvent(.clockHost, .io, icount, [Int64(number) * 1000])
                case 1: return TestEvent(.charRead, .io, icount, [1], bytes: [1, 2, 3])
                default: return TestEvent(.interrupt, .vcpu, icount)
                }
            }
            let path = try scratch.finishedLog("log", events, LogOptions(syncInterval: 0))
            let starts = try entries(path).map { Int($0.firstEvent) }
            for (start, end) in zip(starts, starts.dropFirst() + [events.count]) {
                let (first, last) = (events[start].icount, events[end - 1].icount)
                let span = max(1 << 26, first / 8)
                #expect(last - first < span)
                // No sooner than needed, either.
                if end < events.count { #expect(events[end].icount - first >= span) }
            }
            let outcome = Outcome(path)
            #expect(outcome.error == nil && outcome.events == events)
            #expect(
                Outcome(try scratch.diedLog("died", events, LogOptions(syncInterval: 0))).events == events)
        }
    }

    /// A Linux boot: 387 million instructions, 228 events.
    @Test func aDamagedByteOfABootCostsASixthOfIt() throws {
        let events = (1...228 as ClosedRange<UInt64>).map {
            TestEvent(.clockHost, .io, $0 * 1_697_368, [Int64($0) * 17_000_003])
        }
        let path = try scratch.finishedLog("log", events, LogOptions(syncInterval: 0))
        let bytes = try #require(Files.read(path))
        let chunks = try entries(path)
        #expect(chunks.count == 6)
        for chunk in chunks {
            Files.poke(
                path, Int(chunk.offset) + ChunkHeader.size + 5,
                ~bytes[Int(chunk.offset) + ChunkHeader.size + 5])
            let outcome = Outcome(path)
            #expect(outcome.error?.code == .damaged && outcome.events.count == Int(chunk.firstEvent))
            Files.write(path, bytes)
        }
    }

    @Test func theEndOf64BitsIsNoPlaceToEnd() throws {
        let events = [0, 1, UInt64.max - 5, UInt64.max - 1, UInt64.max].map {
            TestEvent(.interrupt, .vcpu, $0)
        }
        #expect(Outcome(try scratch.finishedLog("log", events)).events == events)
    }
}
