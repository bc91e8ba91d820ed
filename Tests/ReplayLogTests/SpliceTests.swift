import TestSupport
import Testing

@testable import ReplayLog
@testable import ReplaySystem

/// A file that is made of two recordings: each chunk is whole, and its checksums fit.
@Suite struct SpliceTests {
    let scratch = Scratch()
    private let options = LogOptions(segmentSize: 4096, segmentEvents: 3, syncInterval: 0)

    /// Events of the same shape whatever the salt is, which don't become shorter by compression.
    private func events(_ salt: UInt64) -> [TestEvent] {
        var generator = SeededGenerator(seed: salt)
        return (0..<150 as Range<UInt64>).map { number in
            TestEvent(
                .random, .vcpu, number * 9, [1],
                bytes: (0..<60).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
        }
    }

    private func splice(_ path: String, _ other: String, chunk number: Int) throws -> String {
        let contents = try LogScan(path: path, system: Syscalls()).contents
        let place = Int(contents.entries[number].offset)
        let isLast = number + 1 == contents.entries.count
        let end = Int(isLast ? contents.entriesEnd : contents.entries[number + 1].offset)
        var bytes = try #require(Files.read(path))
        let foreign = try #require(Files.read(other))
        try #require(bytes.count == foreign.count)
        bytes.replaceSubrange(place..<end, with: foreign[place..<end])
        Files.write(scratch.path("spliced"), bytes)
        return scratch.path("spliced")
    }

    @Test func aChunkOfADifferentRecordingIsDamageBeforeItsFirstEvent() throws {
        let mine = try scratch.finishedLog("a", events(0), options)
        let other = try scratch.finishedLog("b", events(1), options)
        let entries = try LogScan(path: mine, system: Syscalls()).contents.entries
        #expect(entries.count > 10)
        for number in [0, 1, 5, entries.count - 1] {
            let outcome = Outcome(try splice(mine, other, chunk: number))
            #expect(outcome.error?.code == .damaged && outcome.error?.offset == entries[number].offset)
            #expect(outcome.events == Array(events(0).prefix(Int(entries[number].firstEvent))))
            // Without going through the chunks before it, too.
            let reader = try LogReader(path: scratch.path("spliced"))
            #expect(throws: LogError.self) { try reader.seek(toEvent: entries[number].firstEvent + 1) }
        }
    }

    @Test func aLogWithoutAnEndShowsTheSeam() throws {
        let mine = try scratch.finishedLog("a", events(0), options)
        let other = try scratch.finishedLog("b", events(1), options)
        let contents = try LogScan(path: mine, system: Syscalls()).contents
        for number in [1, 5] {
            let path = try splice(mine, other, chunk: number)
            let bytes = try #require(Files.read(path))
            Files.write(path, bytes.prefix(Int(contents.entriesEnd)))
            let outcome = Outcome(path)
            #expect(outcome.error?.code == .damaged && !outcome.isFinished)
            #expect(outcome.events == Array(events(0).prefix(Int(contents.entries[number].firstEvent))))
        }
    }

    @Test func theMetadataOfADifferentRecordingIsFound() throws {
        let mine = try scratch.finishedLog("a", events(0), options)
        var metadata = LogMetadata.test
        metadata.createdNs += 1
        let other = try scratch.finishedLog("b", events(0), options, metadata: metadata)
        let start = Int(try #require(LogScan(path: mine, system: Syscalls()).contents.entries.first).offset)
        let bytes = try #require(Files.read(mine))
        let foreign = try #require(Files.read(other))
        Files.write(scratch.path("log"), foreign[..<start] + bytes[start...])
        let outcome = Outcome(scratch.path("log"))
        #expect(outcome.error?.code == .damaged && outcome.events.isEmpty)
    }

    /// Format 1 has no links; the running checksum finds it.
    @Test func format1Too() throws {
        var bytes = Golden.format1Compressed
        Files.write(scratch.path("log"), bytes)
        let contents = try LogScan(path: scratch.path("log"), system: Syscalls()).contents
        let last = try #require(contents.entries.last)
        let place = Int(last.offset)
        guard case .chunk(var header) = try contents.chunks.header(at: last.offset) else { return }
        try #require(header.codec == .stored)
        let end = place + ChunkHeader.size + Int(header.storedLength)
        // The value of a clock.
        bytes[end - 1] ^= 1
        header.payloadChecksum = bytes[(place + ChunkHeader.size)..<end].withUnsafeBytes { Checksum.xxh3($0) }
        bytes.replaceSubrange(place..<(place + ChunkHeader.size), with: header.encoded())
        Files.write(scratch.path("log"), bytes)
        let outcome = Outcome(scratch.path("log"))
        #expect(outcome.error?.code == .damaged && outcome.events.count == Int(last.firstEvent))
        let reader = try LogReader(path: scratch.path("log"))
        #expect(throws: LogError.self) { try reader.seek(toEvent: last.firstEvent + 1) }
    }
}
