import ReplaySystem

/// Writes a finished log from chunks that exist: of a log that is repaired, or whose recorder died.
struct LogFileWriter {
    private let file: NewFile
    private let chunks: ChunkWriter
    private var lastIcount: UInt64 = 0
    private var eventCount: UInt64 = 0
    private var chain = RunningChecksum.seed
    private var sequence: UInt64 = 1

    /// Writes the header and the metadata.
    ///
    /// - Parameters:
    ///   - metadata: the payload of their chunk.
    ///   - begin: where the log begins; nil: where its run does.
    ///   - kinds: of the events, if they are to be stored in columns.
    init(
        _ file: NewFile, segmentSize: UInt32, metadata: [UInt8], begin: LogBegin?, kinds: KindTable = .own,
        options: LogOptions = LogOptions()
    ) throws(LogError) {
        self.file = file
        var header = FileHeader(segmentSize: segmentSize)
        if begin != nil { header.version = FileHeader.versionWithBegin }
        try file.write(header.encoded(), at: 0)
        // For longer segments the writer reserves memory when it needs it.
        let layout = LiveLayout(segmentSize: min(Int(segmentSize), 1 << 20))
        chunks = try ChunkWriter(
            path: file.path, descriptor: file.descriptor, layout: layout, options: options,
            kinds: kinds, system: Syscalls())
        try chunks.writeMetadata(metadata) { _ in }
        guard let begin = try begin.map({ begin throws(LogError) in try chunks.writeBegin(begin) }) else {
            return
        }
        (sequence, eventCount, lastIcount) = (begin.sequence, begin.firstEvent, begin.firstIcount)
        chain = begin.chain
    }

    /// Appends events that continue the last ones.
    mutating func append(
        _ raw: UnsafeRawBufferPointer, eventCount count: UInt32, endIcount: UInt64, chain: UInt64
    ) throws(LogError) {
        let header = LiveSegmentHeader(
            sequence: sequence, firstEvent: eventCount, firstIcount: lastIcount, chain: self.chain)
        try chunks.writeEvents(
            SegmentDescription(
                header: header, eventCount: count, length: raw.count, lastIcount: endIcount, chain: chain),
            raw)
        eventCount &+= UInt64(count)
        (lastIcount, self.chain) = (endIcount, chain)
        sequence &+= 1
        file.hasWritten(chunks.tail)
    }

    /// Leaves out events.
    mutating func append(_ gap: LogGap) throws(LogError) {
        try chunks.writeGap(gap, chain: chain)
        (eventCount, lastIcount) = (gap.nextEvent, gap.nextIcount)
        sequence &+= 1
    }

    /// - Parameter end: how the log ends; the number of events is filled in.
    /// - Returns: the size of the log.
    @discardableResult
    mutating func finish(_ end: LogEnd) throws(LogError) -> UInt64 {
        var end = end
        end.eventCount = eventCount
        end.icount = max(end.icount, lastIcount)
        try chunks.writeFinish(end, icount: lastIcount, chain: chain)
        return chunks.tail
    }
}
