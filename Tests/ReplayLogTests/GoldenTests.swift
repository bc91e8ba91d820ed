import TestSupport
import Testing

@testable import ReplayLog
@testable import ReplaySystem

/// Logs of every released format. They are read for ever; the writer of a format makes the same bytes as
/// long as it is the current one.
@Suite struct GoldenTests {
    let scratch = Scratch()

    static let format1Events = [
        TestEvent(.checkpointInit, .io, 0),
        TestEvent(.clockHost, .vcpu, 5, [1000]),
        TestEvent(.interrupt, .vcpu, 5),
        TestEvent(.charRead, .io, 300, [1], bytes: [0x6C, 0x73, 0x0A]),
        TestEvent(.clockHost, .vcpu, 301, [1250]),
        TestEvent(.block, .io, 20301, [7, -5]),
        TestEvent(.shutdown, .vcpu, 20301, [2]),
    ]

    /// A timer that ticks: what compresses well.
    static let format1Ticks = (0..<300 as Range<UInt64>).map { number in
        number % 3 == 0
            ? TestEvent(.interrupt, .vcpu, number * 1000)
            : TestEvent(.clockHost, .vcpu, number * 1000, [Int64(number) * 4000])
    }

    static let format1Metadata = LogMetadata(
        fingerprint: [("ram", "64M"), ("cpu", "rv64")], createdNs: 1_700_000_000_000_000_000, shift: 7)

    static let format1End = LogEnd(
        cause: 2, exitCode: 0, icount: 20301, digest: 0x0123_4567_89AB_CDEF, hasDigest: true, eventCount: 7)

    /// The events of ``format1Events`` in the current format.
    private func writeLog(_ path: String) throws {
        let writer = try LogWriter(path: path)
        try writer.writeMetadata(GoldenTests.format1Metadata)
        for event in GoldenTests.format1Events { #expect(writer.append(event)) }
        try writer.finish(GoldenTests.format1End)
    }

    @Test(arguments: [Golden.format1, Golden.format2])
    func everyFormatIsRead(bytes: [UInt8]) throws {
        let path = scratch.path("log")
        Files.write(path, bytes)
        let reader = try LogReader(path: path)
        #expect(reader.state == .finished(GoldenTests.format1End))
        #expect(reader.metadata.fingerprint.map { "\($0.key)=\($0.value)" } == ["ram=64M", "cpu=rv64"])
        #expect(reader.metadata.createdNs == 1_700_000_000_000_000_000 && reader.metadata.shift == 7)
        #expect(reader.metadata.flags == 0 && reader.metadata.formatVersion == UInt32(bytes[8]))
        let (events, error) = reader.readAll()
        #expect(error == nil && events == GoldenTests.format1Events)
    }

    /// Header and events, that is: the table of kinds may grow, and with it all later offsets. The chunk is
    /// too short to compress, so that no version of zstd matters.
    @Test func format2IsWritten() throws {
        let path = scratch.path("log")
        try writeLog(path)
        let written = try #require(Files.read(path))
        #expect(written.prefix(FileHeader.size) == Golden.format2.prefix(FileHeader.size))
        #expect(try eventChunk(path) == eventChunk(write(Golden.format2)))
    }

    private func write(_ bytes: [UInt8]) -> String {
        Files.write(scratch.path("golden"), bytes)
        return scratch.path("golden")
    }

    private func eventChunk(_ path: String) throws -> [UInt8] {
        let contents = try LogScan(path: path, system: Syscalls()).contents
        let start = try #require(contents.entries.first).offset
        let bytes = try contents.chunks.bytes(at: start, count: Int(contents.entriesEnd - start))
        // Not the link, which the table of kinds changes, nor the header's checksum.
        return Array(bytes[..<44] + bytes[48..<64] + bytes[ChunkHeader.size...])
    }

    /// A log of format 1 whose recorder died: its header and metadata, and all events in the live file.
    @Test func aDiedLogOfFormat1IsRead() throws {
        var options = LogOptions.test
        options.liveSegments = 2
        let path = try scratch.diedLog("log", GoldenTests.format1Events, options)
        for (path, size) in [(path, FileHeader.size), (path + ".live", LiveLayout.bindingOffset)] {
            var bytes = try #require(Files.read(path))
            bytes[8] = 1
            var writer = ByteWriter()
            writer.writeBytes(bytes[..<(size - 8)])
            writer.writeChecksum()
            bytes.replaceSubrange(..<size, with: writer.bytes)
            Files.write(path, bytes)
        }
        let outcome = Outcome(path)
        #expect(outcome.error == nil && outcome.hasDied && outcome.events == GoldenTests.format1Events)
        #expect(try LogReader(path: path).metadata.formatVersion == 1)
    }

    @Test(arguments: [Golden.format1Compressed, Golden.format2Compressed])
    func compressedChunksOfEveryFormatAreRead(bytes: [UInt8]) throws {
        let path = scratch.path("log")
        Files.write(path, bytes)
        let outcome = Outcome(path)
        #expect(outcome.error == nil && outcome.isFinished)
        #expect(outcome.events == GoldenTests.format1Ticks)
        #expect(try LogScan(path: path, system: Syscalls()).contents.entries.count == 6)
    }
}
