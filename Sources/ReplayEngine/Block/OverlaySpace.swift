import ReplaySnapshots
import ReplaySystem

/// Which bytes of an overlay's file are in use, once a version of its map was kept.
///
/// Bytes go to the place in the file that they have on the disk, unless a version refers to it: then to one after the
/// disk's end. Places to which nothing refers any more are found from time to time, when the file has grown enough,
/// and are used again: so it has at most twice the bytes that are needed there, and ``least`` more.
struct OverlaySpace {
    /// Places that versions may refer to: nobody writes there.
    private var frozen = RangeSet()
    /// These, and those of the current map.
    private var used = RangeSet()
    /// Everything before ``base`` that was ever written.
    private(set) var inPlace = RangeSet()
    /// Where places after the disk's end begin.
    private let base: UInt64
    /// A place is looked for from here.
    private var next: UInt64
    /// Where the file may end before the next ``rebuild(_:_:)``.
    private var limit: UInt64
    private let least: UInt64

    /// Nil: memory ran out.
    init?(_ map: ExtentMap, diskLength: UInt64, least: UInt64) {
        base = (diskLength &+ 4095) & ~4095
        next = base
        self.least = least
        limit = base
        guard rebuild([], map) else { return nil }
        inPlace = used
    }

    /// False: memory ran out for ``take(_:_:grows:)``.
    var hasRoom: Bool { used.hasRoom && inPlace.hasRoom }

    /// Is there no version that refers to the place that a part of the disk has?
    func isFree(_ range: Range<UInt64>) -> Bool { frozen.parts(in: range).isEmpty }

    /// A place for bytes of the disk. Nil: the file has grown enough to find out first what isn't used any more.
    mutating func take(_ range: Range<UInt64>, _ map: ExtentMap, grows: Bool) -> UInt64? {
        if isFree(range) {
            used.insert(range)
            inPlace.insert(range)
            return range.lowerBound
        }
        let parts = map.parts(in: range)
        if parts.count == 1, parts[0].range == range, let stored = parts[0].stored, isFree(stored) {
            return stored.lowerBound
        }
        let count = UInt64(range.count)
        let place = used.gap(of: count, from: next)
        let (end, overflow) = place.addingReportingOverflow(count)
        if overflow || end > limit, !grows { return nil }
        used.insert(place..<max(place, end))
        next = max(place, end)
        return place
    }

    /// The parts of the file to which nothing refers, if they may have whole blocks.
    func forEachGap(before end: UInt64, _ body: (Range<UInt64>) -> Void) {
        var place: UInt64 = 0
        for range in used.ranges {
            if range.lowerBound &- place >= 4096 { body(place..<range.lowerBound) }
            place = range.upperBound
        }
        body(place..<max(place, end))
    }

    /// A version was made of the current map.
    mutating func freeze() { frozen = used }

    /// The current map is one of a version.
    mutating func returnToFrozen() {
        used = frozen
        next = base
    }

    /// Forgets what nothing refers to. False: memory ran out, and nothing has changed.
    mutating func rebuild(_ versions: [ExtentMap], _ current: ExtentMap) -> Bool {
        var places: [Range<UInt64>] = []
        var seen: Set<UnsafeRawPointer?> = []
        func add(_ map: ExtentMap) -> Bool {
            guard CheckedMemory.has(64 &* (seen.count &+ map.chunks.count)) else { return false }
            // Most maps share most of their chunks.
            for chunk in map.chunks where seen.insert(chunk.withUnsafeBytes { $0.baseAddress }).inserted {
                guard places.makeRoom(for: chunk.count) else { return false }
                for extent in chunk { if let stored = extent.stored { places.append(stored) } }
            }
            return true
        }
        guard versions.allSatisfy(add), let frozen = RangeSet(places), add(current),
            let used = RangeSet(places)
        else { return false }
        (self.frozen, self.used, next) = (frozen, used, base)
        limit = base &+ 2 &* used.count(from: base) &+ least
        return true
    }
}
