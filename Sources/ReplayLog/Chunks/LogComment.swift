/// What somebody wrote about a recording. A replay doesn't compare it.
package struct LogComment: Equatable, Sendable {
    package var author: String
    package var text: String
    package var tags: [String]

    package init(author: String, text: String, tags: [String]) {
        self.author = author
        self.text = text
        self.tags = tags
    }
}

/// The comments of a log: what follows its end, with a trailer of their own, so that the log before them is the same
/// with and without them.
enum LogComments {
    static let trailerSize = 40
    static let magic: [UInt8] = [0x52, 0x50, 0x4C, 0x4E, 0x4F, 0x54, 0x45, 0x0A]  // RPLNOTE\n
    /// The longest payload.
    static let longestPayload = 1 << 24

    /// The last 40 bytes of a file with comments.
    struct Trailer: Equatable {
        /// Where the log ends, and the comments begin.
        var logEnd: UInt64
        var fileSize: UInt64
        var payloadChecksum: UInt64

        func encoded() -> [UInt8] {
            var writer = ByteWriter()
            writer.writeBytes(LogComments.magic)
            writer.writeUInt64(logEnd)
            writer.writeUInt64(fileSize)
            writer.writeUInt64(payloadChecksum)
            writer.writeChecksum()
            return writer.bytes
        }

        init(logEnd: UInt64, payload: [UInt8]) {
            self.logEnd = logEnd
            let length = payload.count &+ LogComments.trailerSize
            fileSize = logEnd &+ UInt64(truncatingIfNeeded: length)
            payloadChecksum = payload.withUnsafeBytes { Checksum.xxh3($0) }
        }

        /// Nil if the bytes aren't such a trailer, or one of a file of a different size.
        init?(decoding bytes: UnsafeRawBufferPointer, fileSize: UInt64) {
            var reader = ByteReader(bytes)
            guard let start = reader.readBytes(LogComments.magic.count),
                start.elementsEqual(LogComments.magic),
                let logEnd = reader.readUInt64(), reader.readUInt64() == fileSize,
                let payloadChecksum = reader.readUInt64(), reader.readChecksum(),
                logEnd >= UInt64(FileHeader.size), fileSize >= UInt64(LogComments.trailerSize),
                logEnd <= fileSize &- UInt64(LogComments.trailerSize),
                fileSize &- logEnd <= UInt64(LogComments.longestPayload &+ LogComments.trailerSize)
            else { return nil }
            self.logEnd = logEnd
            self.fileSize = fileSize
            self.payloadChecksum = payloadChecksum
        }

        var payloadLength: Int { Int(truncatingIfNeeded: fileSize &- logEnd) &- LogComments.trailerSize }
    }

    /// What follows a log that ends at `logEnd`; nil: the comments are too long.
    static func encoded(_ comments: [LogComment], at logEnd: UInt64) -> [UInt8]? {
        if comments.isEmpty { return [] }
        var writer = ByteWriter()
        writer.writeVarInt(UInt64(truncatingIfNeeded: comments.count))
        for comment in comments {
            writer.writeCounted(comment.author.utf8)
            writer.writeCounted(comment.text.utf8)
            writer.writeVarInt(UInt64(truncatingIfNeeded: comment.tags.count))
            for tag in comment.tags { writer.writeCounted(tag.utf8) }
            if writer.bytes.count > longestPayload { return nil }
        }
        return writer.bytes + Trailer(logEnd: logEnd, payload: writer.bytes).encoded()
    }

    /// Nil if the bytes aren't comments.
    static func decode(_ bytes: UnsafeRawBufferPointer) -> [LogComment]? {
        var reader = ByteReader(bytes)
        guard let count = reader.readVarInt() else { return nil }
        var comments: [LogComment] = []
        // Each needs three bytes at least, so a wrong count ends the loop.
        while UInt64(truncatingIfNeeded: comments.count) < count {
            guard let author = reader.readCounted(), let text = reader.readCounted(),
                let tagCount = reader.readVarInt()
            else { return nil }
            var tags: [String] = []
            while UInt64(truncatingIfNeeded: tags.count) < tagCount {
                guard let tag = reader.readCounted() else { return nil }
                tags.append(String(decoding: tag, as: UTF8.self))
            }
            comments.append(
                LogComment(
                    author: String(decoding: author, as: UTF8.self),
                    text: String(decoding: text, as: UTF8.self),
                    tags: tags))
        }
        return reader.remaining == 0 ? comments : nil
    }
}
