import ReplayLog
import ReplaySystem

/// A set of bytes, as ranges that neither touch nor overlap, in their order.
struct RangeSet {
    private(set) var ranges: [Range<UInt64>] = []

    init() {}

    /// From ranges in any order. Nil: memory ran out.
    init?(_ unordered: [Range<UInt64>]) {
        guard CheckedMemory.has(4 &* unordered.count &* MemoryLayout<Range<UInt64>>.stride) else {
            return nil
        }
        for range in unordered.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
            if let last = ranges.last, last.upperBound >= range.lowerBound {
                ranges[ranges.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                ranges.append(range)
            }
        }
    }

    /// The first range that ends at `place` or after it.
    private func firstIndex(endingFrom place: UInt64) -> Int {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < place { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// False: memory ran out, and ``insert(_:)`` would trap.
    var hasRoom: Bool { CheckedMemory.has(2 &* (ranges.count &+ 16) &* MemoryLayout<Range<UInt64>>.stride) }

    mutating func insert(_ range: Range<UInt64>) {
        guard !range.isEmpty else { return }
        let first = firstIndex(endingFrom: range.lowerBound)
        var last = first
        var (lower, upper) = (range.lowerBound, range.upperBound)
        while last < ranges.count, ranges[last].lowerBound <= range.upperBound {
            lower = min(lower, ranges[last].lowerBound)
            upper = max(upper, ranges[last].upperBound)
            last += 1
        }
        ranges.replaceSubrange(first..<last, with: CollectionOfOne(lower..<upper))
    }

    /// The parts of `range` that are in the set.
    func parts(in range: Range<UInt64>) -> [Range<UInt64>] {
        var parts: [Range<UInt64>] = []
        var index = firstIndex(endingFrom: range.lowerBound)
        while index < ranges.count, ranges[index].lowerBound < range.upperBound {
            let part = ranges[index].clamped(to: range)
            if !part.isEmpty { parts.append(part) }
            index += 1
        }
        return parts
    }

    /// Where `count` bytes that aren't in the set begin, at `place` or after it.
    func gap(of count: UInt64, from place: UInt64) -> UInt64 {
        var start = place
        for range in ranges[firstIndex(endingFrom: place)...] {
            if range.lowerBound >= start, range.lowerBound &- start >= count { break }
            start = max(start, range.upperBound)
        }
        return start
    }

    /// The bytes at `place` and after it.
    func count(from place: UInt64) -> UInt64 {
        ranges.reduce(0) { $0 &+ ($1.upperBound &- min(max($1.lowerBound, place), $1.upperBound)) }
    }
}
