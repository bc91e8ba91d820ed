import ReplayLog
import ReplaySystem

/// A set of bytes, as ranges that neither touch nor overlap, in their order.
struct RangeSet {
    private(set) var ranges: [Range<UInt64>] = []

    /// The first range that ends at `place` or after it.
    private func firstIndex(endingFrom place: UInt64) -> Int {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < place { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// False: memory ran out.
    mutating func makeRoom() -> Bool { ranges.makeRoom() }

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

    func covers(_ range: Range<UInt64>) -> Bool {
        range.isEmpty || parts(in: range) == [range]
    }
}
