import Glibc
import TestSupport
import Testing

@testable import ReplayLog

@Suite struct TruncationTests {
    let scratch = Scratch()
    private let events = TestEvent.script(120, seed: 8)

    @Test func aCutLogIsADiedLogUpToItsLastWholeChunk() throws {
        let bytes = try #require(Files.read(try scratch.finishedLog("log", events)))
        let cut = scratch.path("cut")
        var (lengths, counts): (Set<Int>, [Int]) = ([], [])
        for length in 0..<bytes.count {
            Files.write(cut, bytes[..<length])
            let outcome = Outcome(cut)
            if length < FileHeader.size {
                #expect(outcome.state == nil && outcome.error != nil, "cut at \(length)")
                continue
            }
            #expect(outcome.error == nil, "cut at \(length)")
            #expect(outcome.hasDied, "cut at \(length)")
            #expect(outcome.events == Array(events[..<outcome.events.count]), "cut at \(length)")
            #expect(outcome.events.count >= counts.last ?? 0, "cut at \(length)")
            lengths.insert(outcome.events.count)
            counts.append(outcome.events.count)
        }
        #expect(lengths.count > 5 && counts.last == events.count)
    }

    @Test func aCutNameBesideItsLiveFileSaysWhatIsMissing() throws {
        try scratch.diedLog("log", events)
        let bytes = try #require(Files.read(scratch.path("log")))
        let live = try #require(Files.read(scratch.path("log.live")))
        let cut = scratch.path("cut")
        Files.write(cut + ".live", live)
        #expect(Outcome(cut).error?.code == .notFound)
        #expect(Outcome(cut).error?.message.contains("live is of no use without it") == true)
        for length in 0..<bytes.count {
            Files.write(cut, bytes[..<length])
            let outcome = Outcome(cut)
            #expect(outcome.error != nil, "cut at \(length)")
            #expect(outcome.events == Array(events[..<outcome.events.count]), "cut at \(length)")
        }
        Files.write(cut, bytes)
        #expect(Outcome(cut).events == events)
    }

    @Test func aCutLiveFileGivesItsEventsUpToTheCutOrAnError() throws {
        try scratch.diedLog("log", events)
        let bytes = try #require(Files.read(scratch.path("log")))
        let live = try #require(Files.read(scratch.path("log.live")))
        let cut = scratch.path("cut")
        Files.write(cut, bytes)
        let inChunks = {
            unlinkLive(cut)
            return Outcome(cut).events.count
        }()
        for length in stride(from: 0, to: live.count, by: 7) {
            Files.write(cut + ".live", live[..<length])
            let outcome = Outcome(cut)
            #expect(outcome.events.count >= inChunks, "cut at \(length)")
            #expect(outcome.events == Array(events[..<outcome.events.count]), "cut at \(length)")
            #expect(outcome.error != nil || outcome.events.count == events.count, "cut at \(length)")
        }
    }

    private func unlinkLive(_ path: String) {
        _ = unlink(path + ".live")
    }

    @Test func bytesBehindTheEndAreAnError() throws {
        let bytes = try #require(Files.read(try scratch.finishedLog("log", events)))
        for more in [[0], [UInt8](repeating: 0, count: 40), Array(bytes.suffix(40)), bytes] as [[UInt8]] {
            Files.write(scratch.path("more"), bytes + more)
            let outcome = Outcome(scratch.path("more"))
            #expect(outcome.error?.code == .damaged)
            #expect(outcome.events == events || outcome.events.isEmpty)
            #expect(!outcome.isFinished)
        }
    }

    @Test func whatIsNoLogIsRefusedWithItsCode() throws {
        #expect(throws: LogError.self) { try LogReader(path: scratch.path("none")) }
        for (bytes, code) in [
            ([], .empty),
            (Array("not a log at all, but long enough to have a header of 64 bytes.....".utf8), .notALog),
            ([UInt8](repeating: 0, count: 4096), .notALog), (FileHeader.magic, .damaged),
        ] as [([UInt8], LogError.Code)] {
            Files.write(scratch.path("file"), bytes)
            #expect(Outcome(scratch.path("file")).error?.code == code)
        }
        #expect(Outcome(scratch.path("none")).error?.code == .notFound)
        #expect(Outcome(scratch.folder).error?.code == .notALog)
        #expect(Outcome("").error?.code == .notFound)
        #expect(Outcome("a\0b").error?.code == .notFound)
    }
}
