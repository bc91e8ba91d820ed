import ReplaySystem
import TestSupport
import Testing

@testable import ReplayLog

/// Events that are split into columns, and put together again.
@Suite struct ColumnTests {
    /// The encoded events of a log, chunk by chunk.
    private func chunks(_ events: [TestEvent], segmentSize: Int = 1 << 14) throws -> [(
        bytes: [UInt8], count: UInt32
    )] {
        let scratch = Scratch()
        let options = LogOptions(segmentSize: segmentSize, syncInterval: 0)
        let reader = try LogReader(path: scratch.finishedLog("log", events, options))
        return try (0..<reader.sourceCount).map { source in
            try reader.load(source: source)
            let decoder = reader.decoder.pointee
            let bytes = UnsafeRawBufferPointer(
                start: reader.sourceStart, count: decoder.end - decoder.cursor)
            return (Array(bytes), UInt32(decoder.remaining))
        }
    }

    /// Events with small numbers and few different bytes, as logs have them.
    private func script(_ count: Int, seed: UInt64, longest: Int = 40) -> [TestEvent] {
        TestEvent.script(count, seed: seed, longest: longest).map { event in
            var event = event
            event.values = event.values.map { $0 >> ($0 & 1 == 0 ? 58 : 40) }
            event.bytes = event.bytes.map { $0 & 3 }
            return event
        }
    }

    private func split(_ bytes: [UInt8], level: Int32 = 9) -> [UInt8]? {
        guard let splitter = ColumnSplitter(.own, level: level) else { return nil }
        // Whole words are read.
        let source = bytes + [UInt8](repeating: 0, count: 16)
        var target = [UInt8](repeating: 0, count: bytes.count + 4096)
        let count = source.withUnsafeBytes { source in
            target.withUnsafeMutableBytes {
                splitter.compress(UnsafeRawBufferPointer(rebasing: source.prefix(bytes.count)), into: $0)
            }
        }
        return count.map { Array(target[..<$0]) }
    }

    private func merge(_ stored: [UInt8], _ count: UInt32, length: Int) -> [UInt8]? {
        guard let decompressor = Decompressor(), let buffer = RawBuffer(count: length) else { return nil }
        let merger = ColumnMerger(.own)
        let target = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<length])
        let outcome = stored.withUnsafeBytes { merger.merge($0, count, into: target, decompressor) }
        return outcome == .whole ? Array(target) : nil
    }

    @Test(arguments: 0..<8 as Range<UInt64>) func columnsGiveTheSameBytes(_ seed: UInt64) throws {
        let events = script(2000, seed: seed, longest: seed % 3 == 0 ? 300 : 40)
        for chunk in try chunks(events) {
            guard let stored = split(chunk.bytes) else {
                // Of a few bytes the directory would be too long.
                #expect(chunk.bytes.count < 4000)
                continue
            }
            #expect(stored.count < chunk.bytes.count)
            #expect(merge(stored, chunk.count, length: chunk.bytes.count) == chunk.bytes)
        }
    }

    @Test func bytesThatAreNoEventsAreNotSplit() {
        // A kind that doesn't exist, a number without an end, bytes that are missing.
        #expect(split([UInt8](repeating: 0x7f, count: 100)) == nil)
        #expect(split([1] + [UInt8](repeating: 0xff, count: 100)) == nil)
        #expect(split([UInt8](repeating: 0x41, count: 100) + [0x47, 1, 99]) == nil)
    }

    /// Without a checksum that would notice: whatever the bytes, it ends, and never beyond the buffers.
    @Test func damagedColumnsGiveNothingOrAsManyBytes() throws {
        let events = script(150, seed: 5)
        let chunk = try #require(try chunks(events).first)
        let stored = try #require(split(chunk.bytes))
        var refused = 0
        for place in stored.indices {
            for bit in [0, 3, 7] {
                var damaged = stored
                damaged[place] ^= 1 << UInt8(bit)
                if merge(damaged, chunk.count, length: chunk.bytes.count) == nil { refused += 1 }
            }
            #expect(merge(Array(stored[..<place]), chunk.count, length: chunk.bytes.count) == nil)
        }
        #expect(refused > stored.count)
        for count in [0, chunk.count - 1, chunk.count + 1, .max] {
            #expect(merge(stored, count, length: chunk.bytes.count) == nil)
        }
        #expect(merge(stored, chunk.count, length: chunk.bytes.count + 1) == nil)
    }

    /// A directory that asks for much memory is refused before any is reserved.
    @Test func aDirectoryMayNotExceedTheChunk() {
        for length in [1 << 40, Int(ChunkHeader.longestPayload) + 1, 101] {
            var directory = ColumnDirectory()
            directory.append(.init(column: 0, rawLength: length, storedLength: 1))
            #expect(merge(directory.encoded() + [0], 100, length: 100) == nil)
        }
    }

    // MARK: Whole logs

    @Test(arguments: [Compression.none, .whole, .columns]) func rewrittenLogsHaveTheSameEvents(
        _ compression: Compression
    ) throws {
        let scratch = Scratch()
        let events = TestEvent.script(3000, seed: 3, longest: 2000)
        for (number, path) in [
            try scratch.finishedLog("finished", events), try scratch.diedLog("died", events),
        ].enumerated() {
            let reader = try LogReader(path: path)
            let file = try NewFile(path: scratch.path("copy\(number)"), replaces: false)
            var options = LogOptions.test
            options.compression = compression
            #expect(try LogRewriter(reader).write(to: file, options) == UInt64(events.count))
            try file.keep()
            let copy = try LogReader(path: file.path)
            #expect(copy.readAll().events == events)
            #expect(copy.metadata.fingerprint.map(\.key) == reader.metadata.fingerprint.map(\.key))
            #expect(copy.end?.ending == (number == 0 ? .finished : .died))
            #expect(try copy.seek(toEvent: 1500) == reader.seek(toEvent: 1500))
        }
    }

    @Test(arguments: [256, 1 << 20]) func eventsOfOneLogMakeAnother(_ segmentSize: Int) throws {
        let scratch = Scratch()
        let events = TestEvent.script(3000, seed: 4, longest: 3000)
        let reader = try LogReader(path: scratch.finishedLog("log", events))
        let file = try NewFile(path: scratch.path("copy"), replaces: false)
        var options = LogOptions(segmentSize: segmentSize)
        options.compression = .columns
        let writer = try EventLogWriter(file, reader.metadata, reader.kinds, options)
        while let event = try reader.next() { try writer.append(event) }
        try writer.finish(LogEnd(cause: 3))
        try file.keep()
        let copy = try LogReader(path: file.path).readAll()
        #expect(copy.error == nil && copy.events == events)
    }
}
