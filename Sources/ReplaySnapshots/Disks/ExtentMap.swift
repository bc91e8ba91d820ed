import ReplaySystem

/// A part of a disk, and where its bytes are: a place in an overlay's file, or in `NAME.snap`.
package struct Extent: Equatable, Sendable {
    package var range: Range<UInt64>
    /// ``zeroes``: nowhere.
    package var place: UInt64

    package init(range: Range<UInt64>, place: UInt64) {
        (self.range, self.place) = (range, place)
    }

    /// The place of bytes that are zero.
    package static let zeroes = UInt64.max

    package var isZero: Bool { place == Extent.zeroes }
    /// Its bytes there, if it has any.
    package var stored: Range<UInt64>? { isZero ? nil : place..<place &+ UInt64(range.count) }

    /// The part inside of `limits`.
    package func clamped(to limits: Range<UInt64>) -> Extent {
        let part = range.clamped(to: limits)
        return Extent(
            range: part, place: isZero ? Extent.zeroes : place &+ (part.lowerBound &- range.lowerBound))
    }

    /// Does `next` continue it, on the disk and where its bytes are?
    func isContinued(by next: Extent) -> Bool {
        guard range.upperBound == next.range.lowerBound else { return false }
        return isZero ? next.isZero : stored?.upperBound == next.place
    }
}

/// The parts of a disk that the guest has written, in their order.
///
/// A copy costs nothing: it shares the chunks, and a change copies only the chunk that it concerns.
package struct ExtentMap: Sendable {
    /// None is empty.
    package private(set) var chunks: [[Extent]] = []
    /// The most extents of a chunk.
    package static let most = 128

    package init() {}

    /// From chunks that are in order, as ``chunks`` has them.
    init(chunks: [[Extent]]) {
        self.chunks = chunks
    }

    /// False: memory ran out, and ``insert(_:)`` would trap.
    package var hasRoom: Bool {
        CheckedMemory.has((2 &* chunks.count &+ 6 &* Self.most) &* MemoryLayout<Extent>.stride)
    }

    package var upperBound: UInt64 { chunks.last?.last?.range.upperBound ?? 0 }

    /// The first chunk with an extent that ends at `place` or after it.
    private func firstChunk(endingFrom place: UInt64) -> Int {
        var (low, high) = (0, chunks.count)
        while low < high {
            let middle = (low + high) / 2
            if chunks[middle].last.map({ $0.range.upperBound < place }) ?? true {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }

    /// The first extent of a chunk that ends at `place` or after it.
    private func firstExtent(in chunk: Int, endingFrom place: UInt64) -> Int {
        var (low, high) = (0, chunks[chunk].count)
        while low < high {
            let middle = (low + high) / 2
            if chunks[chunk][middle].range.upperBound < place { low = middle + 1 } else { high = middle }
        }
        return low
    }

    // MARK: Changing

    /// Replaces what the map has of the extent's range.
    package mutating func insert(_ extent: Extent) { replace(extent.range, with: extent) }

    /// The map has nothing of this range any more.
    package mutating func remove(_ range: Range<UInt64>) { replace(range, with: nil) }

    private mutating func replace(_ range: Range<UInt64>, with extent: Extent?) {
        if range.isEmpty { return }
        let (lower, upper) = (range.lowerBound, range.upperBound)
        let chunk = firstChunk(endingFrom: lower)
        guard chunk < chunks.count else {
            if let extent { append(extent) }
            return
        }
        // One chunk gets all that the range touches.
        var end = chunk + 1
        while end < chunks.count, let next = chunks[end].first, next.range.lowerBound <= upper { end += 1 }
        if end - chunk > 2 { chunks.removeSubrange(chunk + 1..<end - 1) }
        if end - chunk > 1 { chunks[chunk] += chunks.remove(at: chunk + 1) }
        let first = firstExtent(in: chunk, endingFrom: lower)
        var last = first
        var (before, after): (Extent?, Extent?)
        while last < chunks[chunk].count, chunks[chunk][last].range.lowerBound <= upper {
            let old = chunks[chunk][last]
            if old.range.lowerBound < lower { before = old.clamped(to: old.range.lowerBound..<lower) }
            if old.range.upperBound > upper { after = old.clamped(to: upper..<old.range.upperBound) }
            last += 1
        }
        chunks[chunk].replaceSubrange(first..<last, with: Self.joined(before, extent, after))
        if chunks[chunk].isEmpty { chunks.remove(at: chunk) } else { split(chunk) }
    }

    private mutating func append(_ extent: Extent) {
        if let last = chunks.indices.last, chunks[last].count < Self.most {
            chunks[last].append(extent)
        } else {
            chunks.append([extent])
        }
    }

    /// The neighbours in one, if they continue each other.
    private static func joined(_ before: Extent?, _ extent: Extent?, _ after: Extent?) -> [Extent] {
        var list: [Extent] = []
        for next in [before, extent, after] {
            guard let next else { continue }
            if let last = list.last, last.isContinued(by: next) {
                list[list.count - 1].range = last.range.lowerBound..<next.range.upperBound
            } else {
                list.append(next)
            }
        }
        return list
    }

    private mutating func split(_ chunk: Int) {
        while chunks[chunk].count > Self.most {
            let half = Array(chunks[chunk].suffix(chunks[chunk].count / 2))
            chunks[chunk].removeLast(half.count)
            chunks.insert(half, at: chunk + 1)
        }
    }

    // MARK: Looking up

    /// What the map has of a range.
    package func parts(in range: Range<UInt64>) -> [Extent] {
        var parts: [Extent] = []
        var chunk = firstChunk(endingFrom: range.lowerBound)
        guard chunk < chunks.count else { return [] }
        var index = firstExtent(in: chunk, endingFrom: range.lowerBound)
        while chunk < chunks.count {
            while index < chunks[chunk].count {
                let extent = chunks[chunk][index]
                if extent.range.lowerBound >= range.upperBound { return parts }
                let part = extent.clamped(to: range)
                if !part.range.isEmpty { parts.append(part) }
                index += 1
            }
            (chunk, index) = (chunk + 1, 0)
        }
        return parts
    }

    /// Has the map all of a range?
    package func covers(_ range: Range<UInt64>) -> Bool {
        var place = range.lowerBound
        for part in parts(in: range) {
            if part.range.lowerBound != place { return false }
            place = part.range.upperBound
        }
        return range.isEmpty || place == range.upperBound
    }
}
