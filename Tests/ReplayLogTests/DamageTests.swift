import TestSupport
import Testing

@testable import ReplayLog
@testable import ReplaySystem

@Suite struct DamageTests {
    let scratch = Scratch()
    private let events = TestEvent.script(60, seed: 21)

    /// Changes each byte of a file in a few ways and reads the log each time.
    private func change(_ path: String, of log: String, _ check: (Int, Outcome) -> Void) throws {
        let bytes = try #require(Files.read(path))
        for offset in bytes.indices {
            for change in [0x01, 0x80, 0xFF] as [UInt8] {
                Files.poke(path, offset, bytes[offset] ^ change)
                check(offset, Outcome(log))
            }
            Files.poke(path, offset, bytes[offset])
        }
        #expect(Files.read(path) == bytes)
        #expect(Outcome(log).events == events)
    }

    @Test func everyChangedByteOfAFinishedLogIsFound() throws {
        let path = try scratch.finishedLog("log", events)
        try change(path, of: path) { offset, outcome in
            #expect(outcome.error != nil, "byte \(offset)")
            #expect(outcome.events == Array(events.prefix(outcome.events.count)), "byte \(offset)")
        }
    }

    @Test func everyChangedByteOfADiedLogIsFound() throws {
        let path = try scratch.diedLog("log", events)
        try change(path, of: path) { offset, outcome in
            #expect(outcome.error != nil, "byte \(offset)")
            #expect(outcome.events == Array(events.prefix(outcome.events.count)), "byte \(offset)")
        }
    }

    /// What a live file holds beyond the committed bytes, and in free segments, says nothing: a change there is
    /// harmless. All else is found.
    @Test func everyChangedByteOfALiveFileIsFound() throws {
        let path = try scratch.diedLog("log", events)
        let live = try #require(Files.read(path + ".live"))
        let layout = LiveLayout(segmentSize: 256, most: LogOptions.test.liveSegments)
        var covered = Set(0..<LiveLayout.headerSize)
        let snapshot = try #require(try LiveSnapshot(path: path + ".live", system: Syscalls()))
        for index in 0..<layout.segmentCount {
            let start = layout.segmentOffset(index)
            let used = snapshot.segments.first { $0.offset == UInt64(start + layout.dataOffset) }
            covered.formUnion(start..<(start + (used == nil ? 8 : LiveLayout.marksOffset)))
            if let used {
                covered.formUnion((start + layout.dataOffset)..<(start + layout.dataOffset + used.length))
            }
        }
        #expect(covered.count < live.count)
        try change(path + ".live", of: path) { offset, outcome in
            #expect(outcome.events == Array(events.prefix(outcome.events.count)), "byte \(offset)")
            if covered.contains(offset) {
                #expect(outcome.error != nil, "byte \(offset)")
            } else {
                #expect(outcome.error == nil && outcome.events.count == events.count, "byte \(offset)")
            }
        }
    }

    @Test func damageInALiveSegmentLosesAtMostFourKilobytes() throws {
        // Few instructions: the icount ends no chunk.
        let many = TestEvent.script(4000, seed: 4).enumerated().map { number, event in
            var event = event
            event.icount = UInt64(number) * 3
            return event
        }
        let path = try scratch.diedLog("log", many, LogOptions(syncInterval: 0))
        let layout = LiveLayout(segmentSize: 1 << 20)
        let data = layout.segmentOffset(0) + layout.dataOffset
        let live = try #require(Files.read(path + ".live"))
        let snapshot = try #require(try LiveSnapshot(path: path + ".live", system: Syscalls()))
        let length = try #require(snapshot.segments.first).length
        #expect(length > 30000)
        for offset in stride(from: 0, to: length, by: 997) {
            Files.poke(path + ".live", data + offset, live[data + offset] ^ 0x10)
            let outcome = Outcome(path)
            Files.poke(path + ".live", data + offset, live[data + offset])
            let error = try #require(outcome.error)
            #expect(error.code == .damaged && error.eventIndex == UInt64(outcome.events.count))
            #expect(outcome.events == Array(many.prefix(outcome.events.count)))
            let at = Int(error.offset) - data
            #expect(at <= offset && offset < at + 2 * LiveLayout.markInterval, "byte \(offset)")
        }
        // A mark that is damaged itself is damage too.
        let mark = layout.segmentOffset(0) + LiveLayout.marksOffset + 3 * LiveLayout.markSize
        for offset in mark..<(mark + LiveLayout.markSize) {
            Files.poke(path + ".live", offset, live[offset] ^ 0x10)
            #expect(Outcome(path).error?.code == .damaged)
            Files.poke(path + ".live", offset, live[offset])
        }
        #expect(Outcome(path).events == many)
    }

    @Test func theErrorNamesThePlace() throws {
        let many = TestEvent.script(500, seed: 4)
        let path = try scratch.finishedLog("log", many)
        let scan = try LogScan(path: path, system: Syscalls())
        let entry = scan.contents.entries[3]
        let bytes = try #require(Files.read(path))
        let payload = Int(entry.offset) + ChunkHeader.size
        Files.poke(path, payload, bytes[payload] ^ 4)
        let outcome = Outcome(path)
        let error = try #require(outcome.error)
        #expect(
            error.code == .damaged && error.offset == entry.offset && error.eventIndex == entry.firstEvent)
        #expect(error.icount == entry.firstIcount && error.message.contains("chunk 4"))
        #expect(outcome.events == Array(many.prefix(Int(entry.firstEvent))))
        #expect(outcome.isFinished)
    }

    /// Bytes that no writer made, with checksums that fit: an error, never a trap.
    @Test func nonsenseWithGoodChecksumsIsRefused() throws {
        var generator = SeededGenerator(seed: 77)
        for _ in 0..<3000 {
            let payload = (0..<Int.random(in: 1...60, using: &generator)).map { _ in
                UInt8.random(in: .min ... .max, using: &generator)
            }
            let count = UInt32.random(in: 1...UInt32(payload.count), using: &generator)
            Files.write(scratch.path("log"), Crafted.log(payload: payload, eventCount: count))
            let outcome = Outcome(scratch.path("log"))
            #expect(outcome.error == nil || outcome.error?.code == .damaged)
            #expect(outcome.events.count <= Int(count))
        }
    }
}
