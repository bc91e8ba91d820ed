/// The last 40 bytes of a finished `NAME`: the places of its index and its end record.
struct FileTrailer: Equatable {
    static let size = 40
    static let magic: [UInt8] = [0x52, 0x50, 0x4C, 0x45, 0x4E, 0x44, 0x0D, 0x0A]  // RPLEND\r\n

    var indexOffset: UInt64
    var endOffset: UInt64
    /// The size of the whole file.
    var fileSize: UInt64

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.writeBytes(FileTrailer.magic)
        writer.writeUInt64(indexOffset)
        writer.writeUInt64(endOffset)
        writer.writeUInt64(fileSize)
        writer.writeChecksum()
        return writer.bytes
    }

    init(indexOffset: UInt64, endOffset: UInt64, fileSize: UInt64) {
        self.indexOffset = indexOffset
        self.endOffset = endOffset
        self.fileSize = fileSize
    }

    /// Nil if the bytes aren't a trailer.
    init?(decoding bytes: UnsafeRawBufferPointer) {
        var reader = ByteReader(bytes)
        guard let start = reader.readBytes(FileTrailer.magic.count), start.elementsEqual(FileTrailer.magic),
            let indexOffset = reader.readUInt64(), let endOffset = reader.readUInt64(),
            let fileSize = reader.readUInt64(), reader.readChecksum()
        else { return nil }
        self.init(indexOffset: indexOffset, endOffset: endOffset, fileSize: fileSize)
    }
}
