import TestSupport
import Testing

@testable import ReplayLog

@Suite struct SeekTests {
    let scratch = Scratch()
    private let events = TestEvent.script(700, seed: 5)

    private func check(_ path: String) throws {
        let reader = try LogReader(path: path)
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<400 {
            let index = Int.random(in: 0...events.count, using: &generator)
            try reader.seek(toEvent: UInt64(index))
            for offset in 0..<3 {
                let event = try reader.next()
                #expect(
                    event.map { TestEvent($0) }
                        == (index + offset < events.count ? events[index + offset] : nil))
                if let event { #expect(event.index == UInt64(index + offset)) }
            }
        }
        #expect(throws: LogError.self) { try reader.seek(toEvent: UInt64(events.count + 1)) }
        try reader.seek(toEvent: 0)
        #expect(reader.readAll().events == events)
    }

    @Test func anyEventOfAFinishedLogIsFound() throws {
        try check(try scratch.finishedLog("log", events))
    }

    @Test func anyEventOfADiedLogIsFound() throws {
        try check(try scratch.diedLog("log", events))
        try check(try scratch.diedLog("live only", events, LogOptions(syncInterval: 0)))
    }

    @Test func anEmptyLogHasOnlyItsEnd() throws {
        let reader = try LogReader(path: try scratch.finishedLog("log", []))
        try reader.seek(toEvent: 0)
        #expect(try reader.next() == nil)
        #expect(throws: LogError.self) { try reader.seek(toEvent: 1) }
    }

    @Test func seekingBackFromDamageReadsOn() throws {
        let path = try scratch.finishedLog("log", events)
        let bytes = try #require(Files.read(path))
        Files.write(path, bytes)
        Files.poke(path, bytes.count / 2, bytes[bytes.count / 2] ^ 1)
        let reader = try LogReader(path: path)
        let (good, error) = reader.readAll()
        #expect(error?.code == .damaged && good == Array(events[..<good.count]))
        #expect(throws: LogError.self) { try reader.next() }
        try reader.seek(toEvent: 3)
        #expect(try reader.next().map { TestEvent($0) } == events[3])
        // Chunks after the damage decode alone.
        try reader.seek(toEvent: UInt64(events.count - 1))
        #expect(try reader.next().map { TestEvent($0) } == events.last)
    }
}
