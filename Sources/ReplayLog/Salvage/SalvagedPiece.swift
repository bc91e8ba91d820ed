/// Events that are good in themselves: a chunk, or a segment of a live file.
struct SalvagedPiece {
    enum Source {
        /// In `NAME`, from one byte to another.
        case chunk(ChunkHeader, Range<UInt64>)
        /// The segment of that number in the live file, and the length of its good events.
        case live(Int, Int)
    }

    var source: Source
    /// The number of the chunk that it is or will become.
    var sequence: UInt64
    var firstEvent: UInt64
    var firstIcount: UInt64
    var eventCount: UInt32
    /// The icount of its last event.
    var endIcount: UInt64
    /// The running checksum after it, and before it as far as that is known.
    var chain: UInt64
    var chainBefore: UInt64?
    /// What the next chunk's link refers to; 0 for a segment.
    var checksum: UInt64 = 0
    /// Are all its events good?
    var isWhole = true

    var endEvent: UInt64 { firstEvent &+ UInt64(eventCount) }

    /// Its place in `NAME`.
    var range: Range<UInt64>? {
        if case .chunk(_, let range) = source { return range }
        return nil
    }

    /// Does it say that it was recorded right after another one?
    func refers(to other: SalvagedPiece, version: UInt32) -> Bool {
        guard other.isWhole, sequence == other.sequence &+ 1 else { return false }
        if version > 1, case .chunk(let header, _) = source, case .chunk = other.source {
            return header.link == ChunkHeader.link(other.checksum, version: version)
        }
        return chainBefore == other.chain
    }

    /// Does it go on where another one ends, as both say?
    func continues(_ other: SalvagedPiece, version: UInt32) -> Bool {
        refers(to: other, version: version) && firstEvent == other.endEvent && firstIcount == other.endIcount
    }

    func canFollow(_ other: SalvagedPiece) -> Bool {
        firstEvent >= other.endEvent && firstIcount >= other.endIcount
    }
}
