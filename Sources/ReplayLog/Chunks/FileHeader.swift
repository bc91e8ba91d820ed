/// The first 64 bytes of `NAME`. Its own layout is the same in every version of the format, so that
/// any reader can distinguish a later version from damage.
struct FileHeader: Equatable {
    /// The format that this library writes.
    static let version: UInt32 = 2
    /// The format of a log with a ``LogBegin``.
    static let versionWithBegin: UInt32 = 3
    /// The formats that it reads.
    static let readable: ClosedRange<UInt32> = 1...versionWithBegin
    static let size = 64
    static let magic: [UInt8] = [0x89, 0x52, 0x50, 0x4C, 0x0D, 0x0A, 0x1A, 0x0A]

    var version: UInt32 = FileHeader.version
    var segmentSize: UInt32

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.writeBytes(FileHeader.magic)
        writer.writeUInt32(version)
        writer.writeUInt32(UInt32(FileHeader.size))
        writer.writeUInt32(UInt32(ChunkHeader.size))
        writer.writeUInt32(UInt32(FileTrailer.size))
        writer.writeUInt32(segmentSize)
        writer.pad(to: FileHeader.size - 8)
        writer.writeChecksum()
        return writer.bytes
    }

    static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws(LogError) -> FileHeader {
        if bytes.isEmpty {
            throw LogError(.empty, "\(path) is empty: its recorder has not started yet, or died at once")
        }
        var reader = ByteReader(bytes)
        guard let start = reader.readBytes(magic.count), start.elementsEqual(magic) else {
            let isQEMUs = QEMUHeader.recognises(bytes)
            throw LogError(
                .notALog,
                isQEMUs
                    ? "\(path) is a log of QEMU's; the tool replay-log reads it"
                    : "\(path) is not a recording"
            )
        }
        let version = reader.readUInt32()
        let headerSize = reader.readUInt32()
        let chunkHeaderSize = reader.readUInt32()
        let trailerSize = reader.readUInt32()
        let segmentSize = reader.readUInt32()
        let reserved = reader.readBytes(size - 8 - 28)
        guard let version, let segmentSize, let reserved, reader.readChecksum() else {
            throw LogError(.damaged, "\(path) is damaged in its header")
        }
        guard readable.contains(version) else {
            throw LogError(
                .version,
                "\(path) has log format \(version); this library reads formats \(readable.lowerBound) to \(readable.upperBound)",
                offset: 8)
        }
        guard headerSize == UInt32(size), chunkHeaderSize == UInt32(ChunkHeader.size),
            trailerSize == UInt32(FileTrailer.size), reserved.allSatisfy({ $0 == 0 })
        else {
            throw LogError(.damaged, "\(path) has a header that format \(version) doesn't have")
        }
        return FileHeader(version: version, segmentSize: segmentSize)
    }
}
