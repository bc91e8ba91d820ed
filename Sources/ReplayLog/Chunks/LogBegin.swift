/// Where a log begins whose first event isn't event 0 of its run, and which chunk is the first that it has.
///
/// It stands twice in the file, so that it can be written again: a reader takes the later one that is whole.
package struct LogBegin: Equatable, Sendable {
    static let magic: [UInt8] = [0x52, 0x42, 0x47, 0x4E]  // RBGN
    static let size = 96
    /// Both begin a block of the disk, and so does the first chunk after them.
    static let spacing: UInt64 = 4096

    /// Of two that are whole, the one with the larger number counts.
    var generation: UInt64 = 1
    /// The first chunk: its place, its number, the events and the icount before it, and the running checksum there.
    var offset: UInt64
    var sequence: UInt64 = 1
    var firstEvent: UInt64 = 0
    var firstIcount: UInt64 = 0
    var chain = RunningChecksum.seed
    /// The checksum of the header of the chunk before it.
    var previous: UInt64
    /// The first event of the log, which is in that chunk or follows it, and where the machine is then.
    package var event: UInt64 = 0
    package var icount: UInt64 = 0
    /// The running checksum before that event, with that of the metadata: ``LogReader/seek(toEvent:)``.
    var eventChain: UInt64
    /// Was the end cut off on purpose?
    var isCut = false

    /// Of a log that begins where its run does, after metadata that end at `end`.
    init(metadataEnd end: UInt64, previous: UInt64, identity: UInt64) {
        offset = LogBegin.firstChunk(after: end)
        self.previous = previous
        eventChain = RunningChecksum.fold(RunningChecksum.seed, identity)
    }

    /// Can the machine begin there without a snapshot?
    package var isStart: Bool { event == 0 && icount == 0 }

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.writeBytes(LogBegin.magic)
        writer.writeUInt32(isCut ? 1 : 0)
        for number in [
            generation, offset, sequence, firstEvent, firstIcount, chain, previous, event, icount, eventChain,
        ] { writer.writeUInt64(number) }
        writer.writeChecksum()
        return writer.bytes
    }

    /// Nil if the bytes aren't a begin record.
    init?(decoding bytes: UnsafeRawBufferPointer) {
        var reader = ByteReader(bytes)
        guard let start = reader.readBytes(LogBegin.magic.count), start.elementsEqual(LogBegin.magic),
            let flags = reader.readUInt32(), flags <= 1,
            let generation = reader.readUInt64(), let offset = reader.readUInt64(),
            let sequence = reader.readUInt64(), let firstEvent = reader.readUInt64(),
            let firstIcount = reader.readUInt64(), let chain = reader.readUInt64(),
            let previous = reader.readUInt64(), let event = reader.readUInt64(),
            let icount = reader.readUInt64(), let eventChain = reader.readUInt64(), reader.readChecksum(),
            sequence > 0, event >= firstEvent, icount >= firstIcount
        else { return nil }
        isCut = flags == 1
        self.generation = generation
        self.offset = offset
        self.sequence = sequence
        self.firstEvent = firstEvent
        self.firstIcount = firstIcount
        self.chain = chain
        self.previous = previous
        self.event = event
        self.icount = icount
        self.eventChain = eventChain
    }

    // MARK: Where it stands

    /// The place of the first of the two records, after metadata that end at `end`.
    static func place(after end: UInt64) -> UInt64 {
        (end &+ spacing &- 1) / spacing &* spacing
    }

    static func firstChunk(after end: UInt64) -> UInt64 { place(after: end) &+ 2 &* spacing }

    /// The place of the record with that generation.
    static func place(after end: UInt64, generation: UInt64) -> UInt64 {
        place(after: end) &+ (generation & 1) &* spacing
    }
}
