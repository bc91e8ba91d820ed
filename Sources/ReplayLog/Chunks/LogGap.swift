/// Events that a log lacks, between two of its chunks: they were damaged, and the log was repaired.
package struct LogGap: Equatable, Sendable {
    static let encodedSize = 16

    /// The number of the first missing event, and the instruction count before it.
    package var firstEvent: UInt64
    package var firstIcount: UInt64
    /// The same of the event after the gap. If no number is missing, the chunks at the gap don't fit each other: one
    /// of them isn't what was recorded.
    package var nextEvent: UInt64
    package var nextIcount: UInt64

    package init(firstEvent: UInt64, firstIcount: UInt64, nextEvent: UInt64, nextIcount: UInt64) {
        self.firstEvent = firstEvent
        self.firstIcount = firstIcount
        self.nextEvent = nextEvent
        self.nextIcount = nextIcount
    }

    /// The number of missing events.
    package var count: UInt64 { nextEvent &- firstEvent }

    /// The payload of its chunk. The header has the rest.
    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.writeUInt64(nextEvent)
        writer.writeUInt64(nextIcount)
        return writer.bytes
    }

    /// Nil if it would go back.
    init?(decoding bytes: UnsafeRawBufferPointer, _ header: ChunkHeader) {
        var reader = ByteReader(bytes)
        guard let nextEvent = reader.readUInt64(), let nextIcount = reader.readUInt64(),
            nextEvent >= header.firstEvent, nextIcount >= header.firstIcount
        else { return nil }
        self.init(
            firstEvent: header.firstEvent, firstIcount: header.firstIcount, nextEvent: nextEvent,
            nextIcount: nextIcount)
    }

    /// What is missing, for people.
    package var what: String {
        switch count {
        case 0: "no event, but the chunks before and after event \(firstEvent) don't fit each other"
        case 1: "event \(firstEvent), between icount \(firstIcount) and \(nextIcount)"
        default:
            "events \(firstEvent) to \(nextEvent &- 1), between icount \(firstIcount) and \(nextIcount)"
        }
    }
}
