import ReplayLog

/// What a store belongs to. Two stores of the same recording and the same machine have the same one.
package struct SnapshotFileIdentity: Equatable, Sendable {
    /// The checksum of the log's metadata chunk.
    package var logMetadata: UInt64
    /// The digest of the machine's fingerprint.
    package var fingerprint: UInt64
    /// ``PageStore/startDigest``.
    package var startDigest: UInt64
    package var regions: [RAMRegion]

    package init(logMetadata: UInt64, fingerprint: UInt64, startDigest: UInt64, regions: [RAMRegion]) {
        self.logMetadata = logMetadata
        self.fingerprint = fingerprint
        self.startDigest = startDigest
        self.regions = regions
    }
}

/// The beginning of `NAME.snap`. Magic bytes, version, the header's size and the checksum at its end are the same in
/// every version of the format.
struct SnapshotFileHeader: Equatable {
    static let version: UInt32 = 1
    static let magic: [UInt8] = [0x89, 0x52, 0x53, 0x4E, 0x0D, 0x0A, 0x1A, 0x0A]
    static let fixedSize = 56
    static let regionSize = 16
    static let smallest = fixedSize + 8
    static let largest = smallest + RAMRegion.most * regionSize

    var identity: SnapshotFileIdentity

    var size: Int { SnapshotFileHeader.smallest &+ identity.regions.count &* SnapshotFileHeader.regionSize }

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.writeBytes(SnapshotFileHeader.magic)
        writer.writeUInt32(SnapshotFileHeader.version)
        writer.writeUInt32(UInt32(truncatingIfNeeded: size))
        writer.writeUInt32(UInt32(RecordHeader.size))
        writer.writeUInt32(UInt32(truncatingIfNeeded: identity.regions.count))
        writer.writeUInt64(identity.logMetadata)
        writer.writeUInt64(identity.fingerprint)
        writer.writeUInt64(identity.startDigest)
        writer.pad(to: SnapshotFileHeader.fixedSize)
        for region in identity.regions {
            writer.writeUInt32(region.id)
            writer.writeUInt32(UInt32(truncatingIfNeeded: region.pageBytes))
            writer.writeUInt64(region.length)
        }
        writer.writeChecksum()
        return writer.bytes
    }

    /// The header's own checksum, its last eight bytes. Each record repeats it.
    var checksum: UInt64 {
        encoded().withUnsafeBytes { bytes in
            var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes.suffix(8)))
            return reader.readUInt64() ?? 0
        }
    }

    static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws(LogError) -> SnapshotFileHeader {
        if bytes.isEmpty {
            throw LogError(.empty, "\(path) is empty: its writer has not started yet, or died at once")
        }
        var reader = ByteReader(bytes)
        guard let start = reader.readBytes(magic.count), start.elementsEqual(magic) else {
            throw LogError(.notALog, "\(path) is not a store of snapshots")
        }
        guard let version = reader.readUInt32(), let size = reader.readUInt32(), size <= largest,
            Int(size) <= bytes.count, Int(size) >= smallest
        else { throw damage(path) }
        var whole = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[..<Int(size)]))
        guard whole.readBytes(Int(size) - 8) != nil, whole.readChecksum() else { throw damage(path) }
        guard version == SnapshotFileHeader.version else {
            throw LogError(
                .version,
                "\(path) has store format \(version); this library reads format \(SnapshotFileHeader.version)",
                offset: 8)
        }
        guard let recordSize = reader.readUInt32(), recordSize == UInt32(RecordHeader.size),
            let count = reader.readUInt32(), Int(count) <= RAMRegion.most,
            Int(size) == smallest + Int(count) * regionSize,
            let logMetadata = reader.readUInt64(), let fingerprint = reader.readUInt64(),
            let startDigest = reader.readUInt64(), reader.skipZeros(to: fixedSize)
        else { throw damage(path) }
        var regions: [RAMRegion] = []
        for _ in 0..<count {
            guard let id = reader.readUInt32(), let pageBytes = reader.readUInt32(),
                let length = reader.readUInt64()
            else { throw damage(path) }
            regions.append(RAMRegion(id: id, length: length, pageBytes: Int(pageBytes)))
        }
        return SnapshotFileHeader(
            identity: SnapshotFileIdentity(
                logMetadata: logMetadata, fingerprint: fingerprint, startDigest: startDigest, regions: regions
            ))
    }

    private static func damage(_ path: String) -> LogError {
        LogError(.damaged, "\(path) is damaged in its header")
    }

    /// Throws what differs from the machine and the recording that the caller has.
    func check(_ expected: SnapshotFileIdentity, path: String) throws(LogError) {
        func require(_ isSame: Bool, _ what: String) throws(LogError) {
            if !isSame { throw LogError(.foreign, "\(path) belongs to a different \(what)") }
        }
        try require(identity.logMetadata == expected.logMetadata, "recording")
        try require(
            identity.regions == expected.regions,
            "machine: the number, the lengths or the page sizes of its RAM regions differ")
        try require(
            identity.fingerprint == expected.fingerprint, "machine: the names of its RAM regions differ")
        try require(identity.startDigest == expected.startDigest, "machine: the memory at the start differs")
    }
}
