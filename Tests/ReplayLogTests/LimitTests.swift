import Glibc
import TestSupport
import Testing

@testable import ReplayLog
@testable import ReplaySystem

/// What the format page limits: a file can't ask for much more memory or time than its own size.
@Suite struct LimitTests {
    let scratch = Scratch()

    /// The error of a log whose chunk of events says this of itself.
    private func error(version: UInt32, codec: Codec, raw: UInt32, stored: Int, events: UInt32) -> LogError? {
        var header = ChunkHeader(
            kind: .events, sequence: 1, firstEvent: 0, firstIcount: 0, eventCount: events,
            chain: RunningChecksum.seed)
        let payload = [UInt8](repeating: 1, count: stored)
        header.codec = codec
        header.rawLength = raw
        header.storedLength = UInt32(stored)
        header.payloadChecksum = payload.withUnsafeBytes { Checksum.xxh3($0) }
        let head = Crafted.log(version: version, payload: [1, 1], eventCount: 1)
            .dropLast(ChunkHeader.size + 2)
        header.link = version == 1 ? 0 : Crafted.link(Array(head.dropFirst(FileHeader.size)))
        Files.write(scratch.path("log"), head + header.encoded() + payload)
        return Outcome(scratch.path("log")).error
    }

    @Test func lengthsAboveTheLimitsAreDamage() {
        #expect(error(version: 2, codec: .stored, raw: 2, stored: 2, events: 1) == nil)
        for version in FileHeader.readable {
            // No memory is asked for: these are refused by their headers.
            for raw in [1 << 31, UInt32.max] as [UInt32] {
                #expect(
                    error(version: version, codec: .zstd, raw: raw, stored: 1 << 17, events: 1)?.code
                        == .damaged)
            }
            #expect(error(version: version, codec: .stored, raw: 3, stored: 2, events: 1)?.code == .damaged)
            #expect(error(version: version, codec: .zstd, raw: 2, stored: 3, events: 1)?.code == .damaged)
            #expect(error(version: version, codec: .stored, raw: 2, stored: 2, events: 3)?.code == .damaged)
            #expect(error(version: version, codec: .stored, raw: 2, stored: 2, events: 0)?.code == .damaged)
        }
        var header = ChunkHeader(
            kind: .events, sequence: 1, firstEvent: 0, firstIcount: 0, eventCount: 1, chain: 0)
        header.codec = .zstd
        for (version, ratio) in [(2, 1024), (1, 32768)] as [(UInt32, UInt32)] {
            (header.storedLength, header.rawLength) = (10, 10 * ratio)
            #expect(header.isWithinLimits(version: version))
            header.rawLength += 1
            #expect(!header.isWithinLimits(version: version))
        }
    }

    @Test func whatCompressesTooWellIsFilledUp() throws {
        let events =
            (0..<400_000 as Range<UInt64>).map { TestEvent(.interrupt, .vcpu, $0 * 10) }
            + [TestEvent(.blockData, .io, 5_000_000, [1, 2], bytes: [UInt8](repeating: 0, count: 5_000_000))]
        let path = try scratch.finishedLog("log", events, LogOptions(segmentSize: 300_000, syncInterval: 0))
        let contents = try LogScan(path: path, system: Syscalls()).contents
        for entry in contents.entries {
            guard case .chunk(let header) = try contents.chunks.header(at: entry.offset) else {
                Issue.record("no chunk at \(entry.offset)")
                return
            }
            #expect(UInt64(header.rawLength) <= UInt64(header.storedLength) * ChunkHeader.largestRatio)
        }
        #expect(contents.chunks.size < 20_000)
        let outcome = Outcome(path)
        #expect(outcome.error == nil && outcome.events == events)
    }

    /// 64 MiB of empty pairs, and 15 MiB of them.
    @Test func emptyPairsCostNothing() throws {
        for count in [1 << 25, 15 << 19, LogMetadata.mostPairs + 1] {
            var writer = ByteWriter()
            writer.writeUInt64(0)
            writer.writeUInt32(0)
            writer.writeUInt8(0)
            writer.writeVarInt(UInt64(count))
            let payload = writer.bytes + [UInt8](repeating: 0, count: 2 * count)
            let chunk = Crafted.chunk(.metadata, 0, payload, 0)
            Files.write(scratch.path("log"), FileHeader(segmentSize: 1 << 20).encoded() + chunk)
            let start = ContinuousClock.now
            #expect(Outcome(scratch.path("log")).error?.code == .damaged)
            #expect(ContinuousClock.now - start < .seconds(2))
        }
    }

    @Test func aFingerprintThatIsTooLargeIsRefused() throws {
        let long = ByteText([UInt8](repeating: 0xFF, count: LogMetadata.longestEncoding))
        let many = (0...LogMetadata.mostPairs).map { (key: ByteText("key \($0)"), value: ByteText("")) }
        let one: [(key: ByteText, value: ByteText)] = [("long", long)]
        for fingerprint in [one, many] {
            let writer = try LogWriter(path: scratch.path("log"), options: .test)
            let error = #expect(throws: LogError.self) {
                try writer.writeMetadata(LogMetadata(fingerprint: fingerprint))
            }
            #expect(error?.code == .tooLarge)
            writer.abandon()
        }
        let most = Array(many.dropLast())
        let path = try scratch.finishedLog("most", [], metadata: LogMetadata(fingerprint: most))
        #expect(try LogReader(path: path).metadata.fingerprint.elementsEqual(most, by: ==))
    }

    @Test func fingerprintsAreBytes() throws {
        let pairs: [(key: ByteText, value: ByteText)] = [
            (ByteText([0xE9]), ByteText([0xFF, 0x00, 0x80])), ("caf\u{E9}", "cafe\u{301}"), ("", ""),
        ]
        let path = try scratch.finishedLog("log", [], metadata: LogMetadata(fingerprint: pairs))
        #expect(try LogReader(path: path).metadata.fingerprint.elementsEqual(pairs, by: ==))
        #expect(ByteText("caf\u{E9}") != ByteText("cafe\u{301}"))
        #expect(ByteText([0x61, 0xE9, 0x62]).description == "a\\xE9b")
        #expect(ByteText("\u{E9}\n").escaped == "\\xC3\\xA9\\x0A")
    }
}
