/// The checksum that is updated with each event, so that damage in a live segment is detected.
///
/// Each step is a bijection of the state for a given word, and of the word for a given state: two
/// runs of events that differ in one word end in different states. It starts with ``seed`` and
/// continues from segment to segment, so that it also shows whether a segment continues a chunk.
public enum RunningChecksum {
    /// The state before the first event of a log.
    public static let seed: UInt64 = 0x5245_504C_4159_4C47

    /// Longer events are folded as one word, their XXH3.
    static let longestInWords = 64

    @inlinable @inline(__always)
    public static func fold(_ state: UInt64, _ word: UInt64) -> UInt64 {
        let product = (state ^ word) &* 0x9E37_79B9_7F4A_7C15
        return product ^ (product &>> 32)
    }

    /// Folds one whole event. Eight bytes after it must be readable; their values don't matter.
    @inline(__always)
    static func fold(_ state: UInt64, event: UnsafeRawPointer, count: Int) -> UInt64 {
        if count <= 8 { return fold(state, loadTail(event, count: count)) }
        return foldLong(state, event: event, count: count)
    }

    @inline(never)
    private static func foldLong(_ state: UInt64, event: UnsafeRawPointer, count: Int) -> UInt64 {
        if count > longestInWords {
            return fold(state, Checksum.xxh3(UnsafeRawBufferPointer(start: event, count: count)))
        }
        var state = state
        var place = event
        var left = count
        while left > 8 {
            state = fold(state, UInt64(littleEndian: place.loadUnaligned(as: UInt64.self)))
            place += 8
            left &-= 8
        }
        return fold(state, loadTail(place, count: left))
    }

    /// One to eight bytes as a word, zero above.
    @inline(__always)
    private static func loadTail(_ place: UnsafeRawPointer, count: Int) -> UInt64 {
        let word = UInt64(littleEndian: place.loadUnaligned(as: UInt64.self))
        return word & (UInt64.max &>> UInt64(truncatingIfNeeded: 64 &- 8 &* count))
    }

    /// What a live segment publishes in one store: the committed length low, the state's upper half high.
    @inlinable @inline(__always)
    public static func published(_ state: UInt64, length: Int) -> UInt64 {
        (state & 0xFFFF_FFFF_0000_0000) | UInt64(truncatingIfNeeded: UInt32(truncatingIfNeeded: length))
    }
}
