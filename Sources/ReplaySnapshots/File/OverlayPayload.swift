import ReplayLog
import ReplaySystem

/// The payload of an OVERLAY record: for each disk that the guest writes to, the chunks of its map, as references to
/// EXTENTS records.
enum OverlayPayload {
    struct Disk {
        var number: UInt64
        var length: UInt64
        var chunks: [UInt64]
    }

    static func encoded(_ disks: [Disk]) -> [UInt8] {
        var writer = ByteWriter()
        writer.writeUInt32(UInt32(truncatingIfNeeded: disks.count))
        for disk in disks {
            writer.writeUInt64(disk.number)
            writer.writeUInt64(disk.length)
            writer.writeUInt32(UInt32(truncatingIfNeeded: disk.chunks.count))
            for chunk in disk.chunks { writer.writeUInt64(chunk) }
        }
        return writer.bytes
    }

    /// Nil: it isn't one, or memory ran out.
    static func decode(_ bytes: UnsafeRawBufferPointer) -> [Disk]? {
        var reader = ByteReader(bytes)
        guard let count = reader.readUInt32() else { return nil }
        var disks: [Disk] = []
        for _ in 0..<count {
            guard let number = reader.readUInt64(), let length = reader.readUInt64(),
                let chunkCount = reader.readUInt32(), Int(chunkCount) <= reader.remaining / 8,
                disks.makeRoom(), CheckedMemory.has(8 &* Int(chunkCount))
            else { return nil }
            var disk = Disk(number: number, length: length, chunks: [])
            disk.chunks.reserveCapacity(Int(chunkCount))
            for _ in 0..<chunkCount {
                guard let chunk = reader.readUInt64() else { return nil }
                disk.chunks.append(chunk)
            }
            disks.append(disk)
        }
        return reader.remaining == 0 ? disks : nil
    }
}

/// The payload of an EXTENTS record: up to 64 chunks of maps.
enum ExtentsPayload {
    static let most = 64
    private static let extentSize = 24
    static let longest = 4 + most * (4 + ExtentMap.most * extentSize)

    static func encoded(_ chunks: [[Extent]]) -> [UInt8] {
        var writer = ByteWriter()
        writer.writeUInt32(UInt32(truncatingIfNeeded: chunks.count))
        for chunk in chunks {
            writer.writeUInt32(UInt32(truncatingIfNeeded: chunk.count))
            for extent in chunk {
                writer.writeUInt64(extent.range.lowerBound)
                writer.writeUInt64(UInt64(extent.range.count))
                writer.writeUInt64(extent.place)
            }
        }
        return writer.bytes
    }

    /// One chunk, whose extents are in order. Nil: the payload doesn't have it, or memory ran out.
    static func chunk(_ number: Int, in bytes: UnsafeRawBufferPointer) -> [Extent]? {
        var reader = ByteReader(bytes)
        guard let count = reader.readUInt32(), Int(count) <= most, number < Int(count) else { return nil }
        for _ in 0..<number {
            guard let skipped = reader.readUInt32(), Int(skipped) <= ExtentMap.most,
                reader.readBytes(Int(skipped) &* extentSize) != nil
            else { return nil }
        }
        guard let length = reader.readUInt32(), length > 0, Int(length) <= ExtentMap.most else { return nil }
        var extents: [Extent] = []
        guard extents.makeRoom(for: Int(length)) else { return nil }
        var end: UInt64 = 0
        for _ in 0..<length {
            guard let start = reader.readUInt64(), let count = reader.readUInt64(),
                let place = reader.readUInt64(), start >= end, count > 0, count <= Int64.max,
                start <= UInt64(Int64.max) &- count
            else { return nil }
            end = start &+ count
            extents.append(Extent(range: start..<end, place: place))
        }
        return extents
    }
}
