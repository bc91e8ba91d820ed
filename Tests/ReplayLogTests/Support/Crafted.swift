import TestSupport

@testable import ReplayLog

/// Files that no writer of today makes.
enum Crafted {
    /// A log with one chunk of events and no end.
    static func log(
        version: UInt32 = FileHeader.version, kinds: KindTable = .own, payload: [UInt8], eventCount: UInt32
    )
        -> [UInt8]
    {
        let metadata = chunk(.metadata, 0, LogMetadata.test.encoded(kinds: kinds), 0)
        return FileHeader(version: version, segmentSize: 1 << 20).encoded() + metadata
            + chunk(.events, 1, payload, eventCount, link: version == 1 ? 0 : link(metadata))
    }

    /// What links the next chunk to this one.
    static func link(_ chunk: [UInt8]) -> UInt32 {
        chunk.withUnsafeBytes {
            ChunkHeader(decoding: UnsafeRawBufferPointer(rebasing: $0.prefix(ChunkHeader.size)))
        }
        .map { ChunkHeader.link($0.checksum, version: FileHeader.version) } ?? 0
    }

    static func chunk(
        _ kind: ChunkHeader.Kind, _ sequence: UInt64, _ payload: [UInt8], _ count: UInt32, link: UInt32 = 0
    )
        -> [UInt8]
    {
        var header = ChunkHeader(
            kind: kind, sequence: sequence, firstEvent: 0, firstIcount: 0, eventCount: count,
            chain: RunningChecksum.seed)
        header.link = link
        header.rawLength = UInt32(payload.count)
        header.storedLength = UInt32(payload.count)
        header.payloadChecksum = payload.withUnsafeBytes { Checksum.xxh3($0) }
        return header.encoded() + payload
    }

    /// A table of kinds as a file has it.
    static func kinds(_ entries: [(number: UInt8, name: String, layout: String)]) throws -> KindTable {
        var writer = ByteWriter()
        writer.writeVarInt(UInt64(entries.count))
        for entry in entries {
            writer.writeUInt8(entry.number)
            writer.writeCounted(entry.name.utf8)
            writer.writeCounted(entry.layout.utf8)
        }
        let table = writer.bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            return KindTable(reading: &reader)
        }
        guard let table else { throw LogError(.misuse, "no table of kinds") }
        return table
    }
}
