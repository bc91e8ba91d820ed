import ReplaySystem
import TestSupport
import Testing

@testable import ReplayLog

/// What is saved of damaged logs.
@Suite struct SalvageTests {
    private static let count: UInt64 = 2000

    /// Makes a log of many chunks; returns its path.
    private func record(_ scratch: Scratch, finished: Bool) throws -> String {
        let path = scratch.path("run.log")
        let writer = try LogWriter(path: path, options: LogOptions(segmentSize: 512, syncInterval: 0))
        try writer.writeMetadata(LogMetadata(fingerprint: [("ram", "64M")], shift: 3))
        for index in 0..<SalvageTests.count {
            guard writer.appendClock(.clockHost, .vcpu, index * 10, Int64(index * index)) else {
                throw writer.failure ?? LogError(.misuse, "an event was refused")
            }
        }
        if finished {
            try writer.finish(LogEnd(cause: 6, exitCode: 3, icount: 30000))
        } else {
            writer.abandon()
        }
        return path
    }

    private func change(_ path: String, at offset: UInt64) throws {
        let system = Syscalls()
        let file = OpenFile(try system.open(path, 2).get(), system)
        var byte: UInt8 = 0
        _ = try withUnsafeMutableBytes(of: &byte) { system.read(file.descriptor, into: $0, at: offset) }.get()
        byte ^= 4
        try withUnsafeBytes(of: byte) { system.write(file.descriptor, $0, at: offset) }.get()
    }

    private func repair(_ path: String, _ scratch: Scratch) throws -> (LogSalvage, LogReader) {
        let salvage = try LogSalvage(path: path)
        let file = try NewFile(path: scratch.path("repaired.log"), replaces: true)
        try salvage.write(to: file)
        try file.keep()
        return (salvage, try LogReader(path: scratch.path("repaired.log")))
    }

    /// The numbers of the events, which must be what was recorded.
    private func numbers(_ reader: LogReader) throws -> [UInt64] {
        var numbers: [UInt64] = []
        while let event = try reader.next() {
            #expect(event.icount == event.index * 10 && event.a == Int64(event.index * event.index))
            numbers.append(event.index)
        }
        return numbers
    }

    @Test func aWholeLogStaysAsItIs() throws {
        let scratch = Scratch()
        let (salvage, reader) = try repair(record(scratch, finished: true), scratch)
        #expect(salvage.isWhole && salvage.rebuilt.isEmpty)
        #expect(reader.state == (try LogReader(path: scratch.path("run.log")).state))
        #expect(try numbers(reader) == Array(0..<SalvageTests.count))
        #expect(try reader.gaps().isEmpty)
    }

    @Test(arguments: [true, false]) func aGapStandsForALostChunk(_ finished: Bool) throws {
        let scratch = Scratch()
        let path = try record(scratch, finished: finished)
        let chunk = try LogReader(path: path).contents.entries[3]
        try change(path, at: chunk.offset + 100)
        let next = try LogReader(path: path).contents.entries
        let behind = next.count > 4 ? next[4].firstEvent : SalvageTests.count
        let (salvage, reader) = try repair(path, scratch)
        #expect(salvage.losses.count == 1 && salvage.losses.first?.firstEvent == chunk.firstEvent)
        #expect(salvage.eventsBeforeLoss == chunk.firstEvent)
        let lost = salvage.losses.first?.nextEvent ?? 0
        if finished { #expect(lost == behind) }
        // A replay doesn't pass the gap.
        #expect(throws: LogError.self) { try numbers(reader) }
        #expect(throws: LogError.self) { try reader.seek(toEvent: chunk.firstEvent + 1) }
        var gaps: [LogGap] = []
        reader.onGap = { gaps.append($0) }
        try reader.seek(toEvent: 0)
        #expect(try numbers(reader) == Array(0..<chunk.firstEvent) + Array(lost..<SalvageTests.count))
        #expect(try gaps == reader.gaps() && gaps.first?.count == lost - chunk.firstEvent)
        // Events after the gap are found, and so is the place after those in it.
        try reader.seek(toEvent: lost + 5)
        #expect(try reader.next()?.index == lost + 5)
        try reader.seek(toEvent: chunk.firstEvent + 1)
        #expect(try reader.next()?.index == lost)
        #expect(reader.end?.ending == .damaged && reader.end?.cause == (finished ? 6 : 0))
        // Repaired again, it stays as it is.
        let again = try LogSalvage(path: scratch.path("repaired.log"))
        #expect(again.losses.map(\.firstEvent) == [chunk.firstEvent])
        #expect(again.eventCount == salvage.eventCount)
    }

    @Test func eventsOfTheLiveFileAreSaved() throws {
        let scratch = Scratch()
        let path = try record(scratch, finished: false)
        let (salvage, reader) = try repair(path, scratch)
        #expect(salvage.isWhole)
        #expect(try numbers(reader) == Array(0..<SalvageTests.count))
        #expect(reader.state == .died(reason: "its recorder ended without replay_finish()"))
    }

    /// Its header, and the first byte of each of its segments.
    @Test func whatADamagedLiveFileHadIsLost() throws {
        let scratch = Scratch()
        let path = try record(scratch, finished: false)
        let live = try #require(try LiveSnapshot(path: path + ".live", system: Syscalls()))
        let first = try #require(live.segments.first?.header.firstEvent)
        for place in [16] + live.segments.map(\.offset) {
            try change(path + ".live", at: place)
            let salvage = try LogSalvage(path: path)
            #expect(!salvage.isWhole && salvage.losses.count == 1, "byte \(place)")
            #expect(try #require(salvage.losses.first).firstEvent >= first)
            if place == 16 { #expect(salvage.eventCount == first) }
            try change(path + ".live", at: place)
        }
        #expect(try LogSalvage(path: path).isWhole)
    }

    /// Each place of a small log.
    @Test func aChangedByteCostsOneChunkAtMost() throws {
        let scratch = Scratch()
        let path = try record(scratch, finished: true)
        let reader = try LogReader(path: path)
        let (entries, size) = (reader.contents.entries, reader.contents.chunks.size)
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<200 {
            let place = UInt64.random(in: 0..<size, using: &generator)
            try change(path, at: place)
            let (salvage, repaired) = try repair(path, scratch)
            try change(path, at: place)
            repaired.onGap = { _ in }
            let found = Set(try numbers(repaired))
            let damaged = entries.lastIndex { $0.offset <= place && place < reader.contents.entriesEnd }
            for (number, entry) in entries.enumerated() where number != damaged {
                let behind = number + 1 < entries.count ? entries[number + 1].firstEvent : SalvageTests.count
                #expect((entry.firstEvent..<behind).allSatisfy { found.contains($0) }, "byte \(place)")
            }
            #expect(UInt64(found.count) == salvage.eventCount)
        }
    }

    /// Changed metadata with right checksums, in which the events' kind has a different number.
    @Test func aChangedTableOfKindsCostsNoEvent() throws {
        let scratch = Scratch()
        let path = try record(scratch, finished: true)
        var bytes = try #require(Files.read(path))
        let start = FileHeader.size
        var header = try #require(
            bytes[start...].withUnsafeBytes {
                ChunkHeader(decoding: UnsafeRawBufferPointer(rebasing: $0.prefix(ChunkHeader.size)))
            })
        let payload = start + ChunkHeader.size..<Int(header.end(from: UInt64(start)))
        let name = Array("CLOCK_HOST".utf8)
        let place = try #require(payload.first { bytes[$0...].starts(with: name) })
        #expect(bytes[place - 2] == EventKind.clockHost.rawValue)
        bytes[place - 2] = 200
        header.payloadChecksum = bytes[payload].withUnsafeBytes { Checksum.xxh3($0) }
        bytes.replaceSubrange(start..<payload.lowerBound, with: header.encoded())
        Files.write(path, bytes)
        let (salvage, reader) = try repair(path, scratch)
        #expect(salvage.lostMetadata && salvage.losses.isEmpty)
        #expect(try numbers(reader) == Array(0..<SalvageTests.count))
    }

    /// By its length, the second chunk is then where the first one should be.
    @Test func chunksThatDamageMovesBeforeTheLogsBeginAreSaved() throws {
        let scratch = Scratch()
        let file = try NewFile(path: scratch.path("part.log"), replaces: true)
        var cutter = LogCutter(try LogReader(path: record(scratch, finished: true)), to: file)
        try cutter.write(from: (700, 6990), upTo: nil)
        try file.keep()
        let bytes = try #require(Files.read(scratch.path("part.log")))
        let entries = try LogReader(path: scratch.path("part.log")).contents.entries
        let (first, second) = (Int(entries[0].offset), Int(entries[1].offset))
        // The length of the first chunk, or a little.
        for missing in [second - first, 40] {
            var damaged = bytes
            damaged.removeSubrange(first - missing..<first)
            Files.write(scratch.path("part.log"), damaged)
            let (salvage, reader) = try repair(scratch.path("part.log"), scratch)
            #expect(salvage.losses.isEmpty && !salvage.rebuilt.isEmpty)
            #expect(try numbers(reader) == Array(700..<SalvageTests.count))
        }
    }

    /// Its first event has a different number now, with right checksums; the segment after it says where it ended.
    @Test func aSegmentBesideAChunkWithChangedNumbersIsSaved() throws {
        let scratch = Scratch()
        let path = try record(scratch, finished: false)
        let entries = try LogReader(path: path).contents.entries
        let changed = try #require(entries.last)
        var bytes = try #require(Files.read(path))
        let place = Int(changed.offset)..<Int(changed.offset) + ChunkHeader.size
        var header = try #require(
            bytes[place].withUnsafeBytes { ChunkHeader(decoding: UnsafeRawBufferPointer($0)) })
        let end = header.firstEvent + UInt64(header.eventCount)
        header.firstEvent ^= 128
        bytes.replaceSubrange(place, with: header.encoded())
        Files.write(path, bytes)
        let (salvage, reader) = try repair(path, scratch)
        #expect(salvage.losses.map(\.firstEvent) == [changed.firstEvent])
        reader.onGap = { _ in }
        #expect(try numbers(reader) == Array(0..<changed.firstEvent) + Array(end..<SalvageTests.count))
    }

    @Test func anEndSaysHowItCameAbout() throws {
        for ending in [LogEnd.Ending.finished, .died, .cut, .damaged] {
            let end = LogEnd(
                icount: 7, digest: 1, hasDigest: true, eventCount: 3, ending: ending,
                recorderErrno: ending == .died ? 28 : 0)
            #expect(end.encoded().withUnsafeBytes { LogEnd(decoding: $0) } == end)
            #expect((end.reason == nil) == (ending == .finished))
        }
        var bytes = LogEnd(icount: 7).encoded()
        for (place, value) in [(24, 2), (25, 4), (26, 1), (27, 1), (28, 1)] as [(Int, UInt8)] {
            bytes[place] ^= value
            #expect(bytes.withUnsafeBytes { LogEnd(decoding: $0) } == nil)
            bytes[place] ^= value
        }
    }
}
