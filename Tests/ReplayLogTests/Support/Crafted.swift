@testable import ReplayLog

/// Files that no writer of today makes.
enum Crafted {
    /// A log with one chunk of events and no end.
    static func log(version: UInt32 = FileHeader.version, kinds: KindTable = .own, payload: [UInt8], eventCount: UInt32)
        -> [UInt8]
    {
        FileHeader(version: version, segmentSize: 1 << 20).encoded()
            + chunk(.metadata, 0, LogMetadata.test.encoded(kinds: kinds), 0)
            + chunk(.events, 1, payload, eventCount)
    }

    static func chunk(_ kind: ChunkHeader.Kind, _ sequence: UInt64, _ payload: [UInt8], _ count: UInt32)
        -> [UInt8]
    {
        var header = ChunkHeader(
            kind: kind, sequence: sequence, firstEvent: 0, firstIcount: 0, eventCount: count,
            chain: RunningChecksum.seed)
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
