import ReplaySystem
import TestSupport
import Testing

@testable import ReplayLog

/// Logs that have a part of a run.
@Suite struct PartTests {
    private func events(_ count: Int, seed: UInt64) -> [TestEvent] {
        var generator = SeededGenerator(seed: seed)
        var icount: UInt64 = 0
        return (0..<count).map { _ in TestEvent.random(&icount, &generator) }
    }

    private func all(_ path: String) throws -> (events: [String], end: LogError?) {
        let reader = try LogReader(path: path)
        var events: [String] = []
        do throws(LogError) {
            while let event = try reader.next() { events.append(text(event)) }
        } catch {
            return (events, error)
        }
        return (events, nil)
    }

    private func text(_ event: Event) -> String {
        "\(event.index) \(event.icount) \(event.kind) \(event.role) \(event.a) \(event.b) \(Array(event.bytes))"
    }

    private func cut(_ from: String, to target: String, first: UInt64, icount: UInt64, last: UInt64?) throws {
        let file = try NewFile(path: target, replaces: true)
        var cutter = LogCutter(try LogReader(path: from), to: file)
        try cutter.write(from: (first, icount), upTo: last)
        try file.keep()
    }

    @Test(arguments: [true, false]) func aPartHasItsEventsAndNoOthers(_ isFinished: Bool) throws {
        let scratch = Scratch()
        let events = events(300, seed: 3)
        let log = try isFinished ? scratch.finishedLog("log", events) : scratch.diedLog("log", events)
        let whole = try all(log).events
        let reader = try LogReader(path: log)
        for first in stride(from: 0, to: UInt64(events.count) + 1, by: 7) {
            let icount = first == 0 ? 0 : events[Int(first) - 1].icount
            for last in [nil, first, first + 1, first + 100, 298, 299, 300, 5000] as [UInt64?] {
                if let last, last < first { continue }
                try cut(log, to: scratch.path("part"), first: first, icount: icount, last: last)
                let part = try all(scratch.path("part"))
                #expect(part.end == nil)
                #expect(part.events == Array(whole[Int(first)..<Int(min(last ?? 300, 300))]))
                let cutReader = try LogReader(path: scratch.path("part"))
                let hasEnd = isFinished && (last ?? 300) >= 300
                if case .finished = cutReader.state { #expect(hasEnd) } else { #expect(!hasEnd) }
                #expect(try cutReader.seek(toEvent: first) == reader.seek(toEvent: first))
                #expect(cutReader.begin?.event == (first == 0 && icount == 0 ? nil : first))
                if first > 0 { #expect(throws: LogError.self) { try cutReader.seek(toEvent: first - 1) } }
            }
        }
    }

    @Test func aPlaceThatIsNotInTheLogIsRefused() throws {
        let scratch = Scratch()
        let events = events(50, seed: 4)
        let log = try scratch.finishedLog("log", events)
        let later = events[30].icount + 1
        #expect(throws: LogError.self) {
            try cut(log, to: scratch.path("part"), first: 30, icount: later, last: nil)
        }
        #expect(throws: LogError.self) {
            try cut(log, to: scratch.path("part"), first: 30, icount: events[29].icount, last: 20)
        }
        #expect(Files.read(scratch.path("part")) == nil)
        #expect(Files.read(scratch.path("part.replay-log.part")) == nil)
    }

    /// Each byte up to the first chunk's payload, and each length.
    @Test func damageIsReported() throws {
        let scratch = Scratch()
        let events = events(120, seed: 5)
        let log = try scratch.finishedLog("log", events)
        try cut(log, to: scratch.path("part"), first: 60, icount: events[59].icount, last: nil)
        let sound = try #require(Files.read(scratch.path("part")))
        let whole = try all(scratch.path("part")).events
        for place in stride(from: 0, to: min(sound.count, 14000), by: 61) {
            var bytes = sound
            bytes[place] ^= 1 << UInt8(place % 8)
            Files.write(scratch.path("damaged"), bytes)
            guard let found = try? all(scratch.path("damaged")) else { continue }
            #expect(found.end != nil, "byte \(place)")
            #expect(whole.starts(with: found.events))
        }
        for count in stride(from: 0, to: sound.count, by: 397) {
            Files.write(scratch.path("damaged"), Array(sound[..<count]))
            guard let reader = try? LogReader(path: scratch.path("damaged")) else { continue }
            if case .finished = reader.state { Issue.record("\(count) bytes count as finished") }
        }
    }

    /// One of the two records is older, or was being written.
    @Test func theLaterBeginRecordCounts() throws {
        let scratch = Scratch()
        let events = events(120, seed: 6)
        let log = try scratch.diedLog("log", events)
        let places: [UInt64] = [20, 60]
        var files: [[UInt8]] = []
        for place in places {
            try cut(
                log, to: scratch.path("part"), first: place, icount: events[Int(place) - 1].icount, last: nil)
            files.append(try #require(Files.read(scratch.path("part"))))
        }
        let second = try #require(files[1].indices.first { files[1][$0...].starts(with: LogBegin.magic) })
        // The later part's record stands in the earlier part, whose chunks are the same from its own on.
        let begin = try #require(
            files[0][second...].withUnsafeBytes { bytes in
                LogBegin(decoding: UnsafeRawBufferPointer(rebasing: bytes[..<LogBegin.size]))
            })
        var older = begin
        older.generation = 1
        var newer = begin
        newer.generation = 2
        newer.event &+= 1
        newer.icount = events[Int(newer.event) - 1].icount
        let reader = try LogReader(path: log)
        newer.eventChain = try reader.seek(toEvent: newer.event)
        for damaged in 0..<3 {
            var bytes = files[0]
            for (number, record) in [newer, older].enumerated() {
                let place = second + number * Int(LogBegin.spacing)
                bytes.replaceSubrange(place..<place + LogBegin.size, with: record.encoded())
                if damaged == number + 1 { bytes[place + 50] ^= 4 }
            }
            Files.write(scratch.path("ring"), bytes)
            let ring = try LogReader(path: scratch.path("ring"))
            #expect(ring.begin?.event == (damaged == 1 ? 20 : 21))
            #expect(try ring.next()?.index == ring.begin?.event)
        }
    }
}
