import TestSupport
import Testing

@testable import ReplayLog
@testable import ReplaySystem

/// The golden log whose chunks are stored in columns.
@Suite struct GoldenColumnTests {
    let scratch = Scratch()

    /// The kinds that the log has: those of the first version with columns.
    static let kinds: [EventKind] = [
        .interrupt, .exception, .bottomHalf, .bottomHalfOneshot, .input, .inputSync, .charRead, .block,
        .blockRead, .blockData, .net, .shutdown, .charWrite, .charReadAll, .charReadAllError, .audioOut,
        .audioIn, .random, .clockHost, .clockVirtualRT, .digest, .hostDigest, .flush, .inputFrom,
        .charRegister, .audioInAt, .checkpointClockWarpStart, .checkpointClockWarpAccount,
        .checkpointResetRequested, .checkpointSuspendRequested, .checkpointClockVirtual, .checkpointClockHost,
        .checkpointClockVirtualRT, .checkpointInit, .checkpointReset,
    ]

    /// Numbers of each length, clocks that are read twice at an icount, and an event that is longer than a segment and
    /// compresses to less than a 1024th.
    static let events: [TestEvent] = {
        let numbers: [Int64] = [
            0, 1, -1, 63, -64, 64, 8191, -8192, 8192, 1 << 20, -(1 << 27), 1 << 34, 1 << 41, -(1 << 48),
            1 << 55,
            1 << 61, .max, .min,
        ]
        let steps: [UInt64] = [0, 0, 1, 0, 127, 0, 0, 128, 70_000]
        let lengths = [0, 1, 53, 54, 55, 200]
        var icount: UInt64 = 0
        var events: [TestEvent] = []
        for round in numbers.indices {
            for kind in kinds {
                icount += steps[events.count % steps.count]
                var event = TestEvent(kind, events.count % 5 == 0 ? .io : .vcpu, icount)
                for (index, letter) in kind.layout.description.enumerated() {
                    if letter == "b" {
                        event.bytes = (0..<lengths[round % lengths.count]).map {
                            UInt8(truncatingIfNeeded: $0 * round)
                        }
                    } else {
                        event.values[index] = numbers[(round + index) % numbers.count]
                    }
                }
                events.append(event)
                if kind.layout.description == "c" {
                    event.values[0] &+= numbers[(7 * round + 3) % numbers.count]
                    events.append(event)
                }
            }
        }
        events.append(TestEvent(.net, .io, icount, [3, 0], bytes: [UInt8](repeating: 0, count: 100_000)))
        icount = 1 << 63
        for _ in 0..<16 {
            events.append(TestEvent(.interrupt, .vcpu, icount))
            icount += 1 << 56
        }
        return events
    }()

    /// The events as today's writer stores them.
    private func writeLog() throws -> String {
        let log = try scratch.finishedLog(
            "log", GoldenColumnTests.events, LogOptions(segmentSize: 1 << 14, syncInterval: 0))
        let file = try NewFile(path: scratch.path("columns"), replaces: false)
        var options = LogOptions(compressionLevel: 9)
        options.compression = .columns
        _ = try LogRewriter(LogReader(path: log)).write(to: file, options)
        try file.keep()
        return file.path
    }

    private func golden() -> String {
        Files.write(scratch.path("golden"), Golden.format2Columns)
        return scratch.path("golden")
    }

    @Test func columnsOfFormat2AreRead() throws {
        let outcome = Outcome(golden())
        #expect(outcome.error == nil && outcome.isFinished)
        #expect(outcome.events == GoldenColumnTests.events)
    }

    /// What a chunk's columns are, whatever the version of zstd.
    private struct Stored: Equatable, CustomStringConvertible {
        var codec: Codec
        var lengths: [Int]
        var chain: UInt64
        var columns: [Int] = []

        var description: String { "\(codec) \(lengths) \(chain) \(columns)" }
    }

    private func stored(_ path: String) throws -> [Stored] {
        let contents = try LogScan(path: path, system: Syscalls()).contents
        let layout = ColumnLayout(contents.kinds)
        return try contents.entries.map { entry in
            let bytes = try contents.chunks.bytes(at: entry.offset, count: ChunkHeader.size)
            let header = try #require(bytes.withUnsafeBytes { ChunkHeader(decoding: $0) })
            var stored = Stored(
                codec: header.codec, lengths: [Int(header.eventCount), Int(header.rawLength)],
                chain: header.chain)
            guard header.codec == .columns else { return stored }
            let payload = try contents.chunks.bytes(
                at: entry.offset + UInt64(ChunkHeader.size), count: Int(header.storedLength))
            let directory = try #require(payload.withUnsafeBytes { ColumnDirectory(decoding: $0, layout) })
            stored.columns = directory.entries.flatMap { [$0.column, $0.rawLength] }
            return stored
        }
    }

    @Test func columnsAreWrittenAsInTheGoldenLog() throws {
        let path = try writeLog()
        #expect(Outcome(path).events == GoldenColumnTests.events)
        #expect(try stored(path) == stored(golden()))
    }
}
