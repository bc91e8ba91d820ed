import ReplaySystem

extension LogReader {
    package var comments: [LogComment] { contents.chunks.comments }
    /// The log itself isn't affected.
    package var commentDamage: LogError? { contents.chunks.commentDamage }

    /// Writes the log with other comments.
    package func write(_ comments: [LogComment], to file: NewFile) throws(LogError) {
        let end = contents.chunks.size
        guard let bytes = LogComments.encoded(comments, at: end) else {
            throw LogError(
                .tooLarge,
                "the comments of \(path) would have more than \(LogComments.longestPayload >> 20) MiB")
        }
        try file.copy(Syscalls.resolved(path), count: end)
        try file.write(bytes, at: end)
    }
}

extension ChunkReader {
    /// Reads what follows the log. Afterwards the log's size is without it.
    func readComments() throws(LogError) {
        guard fileSize >= UInt64(FileHeader.size &+ LogComments.trailerSize) else { return }
        let bytes = try bytes(
            at: fileSize &- UInt64(LogComments.trailerSize), count: LogComments.trailerSize)
        let found = bytes.withUnsafeBytes { LogComments.Trailer(decoding: $0, fileSize: fileSize) }
        guard let found else { return }
        let payload = try self.bytes(at: found.logEnd, count: found.payloadLength)
        let isIntact = payload.withUnsafeBytes { Checksum.xxh3($0) } == found.payloadChecksum
        let comments = isIntact ? payload.withUnsafeBytes { LogComments.decode($0) } : nil
        let damage = LogError(.damaged, "\(path) is damaged in its comments", offset: found.logEnd)
        note(comments ?? [], comments == nil ? damage : nil, logEnd: found.logEnd)
    }
}
