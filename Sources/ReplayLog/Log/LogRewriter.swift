import ReplaySystem

/// Writes a log again in the newest format: chunk by chunk, the bytes of the events as they are.
package struct LogRewriter {
    private let reader: LogReader

    package init(_ reader: LogReader) {
        self.reader = reader
    }

    /// Returns the number of events. The file is complete then, except for the snapshots beside the log.
    package func write(to file: NewFile, _ options: LogOptions) throws(LogError) -> UInt64 {
        guard reader.state != .running else {
            throw LogError(.busy, "\(reader.path) is still being recorded")
        }
        if let damage = reader.contents.ending { throw damage }
        let segmentSize = try reader.contents.chunks.segmentSize()
        var begin = reader.contents.begin
        begin?.generation = 1
        var writer = try LogFileWriter(
            file, segmentSize: segmentSize, metadata: reader.metadata.encoded(kinds: reader.kinds),
            begin: begin, kinds: reader.kinds, options: options)
        var gap: LogGap?
        var missing: UInt64 = 0
        reader.onGap = { gap = $0 }
        for source in 0..<reader.sourceCount {
            gap = nil
            try reader.load(source: source)
            if let gap {
                try writer.append(gap)
                missing &+= gap.count
            } else {
                try append(source, to: &writer)
            }
        }
        let size = try writer.finish(reader.end ?? reader.missingEnd)
        if let bytes = LogComments.encoded(reader.comments, at: size) { try file.write(bytes, at: size) }
        return reader.overview.eventCount &- min(missing, reader.overview.eventCount)
    }

    /// Decodes all events of a source, which finds where it ends, and damage.
    private func append(_ source: Int, to writer: inout LogFileWriter) throws(LogError) {
        guard let start = reader.sourceStart else { return }
        var chain = try reader.chain(beforeSource: source)
        let decoder = reader.decoder
        let count = decoder.pointee.remaining
        guard count > 0 else { return }
        while decoder.pointee.remaining > 0 {
            let event = decoder.pointee.cursor
            guard decoder.pointee.skip() else {
                throw LogError(.damaged, "\(reader.path) is damaged in event \(decoder.pointee.index)")
            }
            chain = RunningChecksum.fold(chain, event: event, count: decoder.pointee.cursor - event)
        }
        try writer.append(
            UnsafeRawBufferPointer(start: start, count: decoder.pointee.cursor - start),
            eventCount: UInt32(truncatingIfNeeded: count), endIcount: decoder.pointee.icount, chain: chain)
    }
}
