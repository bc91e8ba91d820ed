import Testing

@testable import ReplayEngine

@Suite struct ExtentMapTests {
    private static func extents(_ map: ExtentMap) -> [Extent] { map.chunks.flatMap { $0 } }

    @Test func extentsThatContinueEachOtherBecomeOne() {
        var map = ExtentMap()
        map.insert(Extent(range: 10..<20, place: 110))
        map.insert(Extent(range: 30..<40, place: 130))
        map.insert(Extent(range: 20..<30, place: 120))
        #expect(Self.extents(map) == [Extent(range: 10..<40, place: 110)])
        map.insert(Extent(range: 40..<50, place: 0))
        map.insert(Extent(range: 50..<60, place: Extent.zeroes))
        map.insert(Extent(range: 60..<70, place: Extent.zeroes))
        #expect(Self.extents(map).map(\.range) == [10..<40, 40..<50, 50..<70])
    }

    @Test func anInsertionSplitsWhatItIsIn() {
        var map = ExtentMap()
        map.insert(Extent(range: 0..<100, place: 1000))
        map.insert(Extent(range: 40..<50, place: Extent.zeroes))
        #expect(
            Self.extents(map) == [
                Extent(range: 0..<40, place: 1000), Extent(range: 40..<50, place: Extent.zeroes),
                Extent(range: 50..<100, place: 1050),
            ])
        #expect(map.parts(in: 45..<60).map(\.range) == [45..<50, 50..<60])
        #expect(map.covers(0..<100) && !map.covers(0..<101))
    }

    /// Against a table of bytes; copies stay as they were.
    @Test(arguments: 0..<4) func randomInsertions(_ seed: Int) {
        var random = Random(seed)
        let length = 20_000
        var table = [UInt64?](repeating: nil, count: length)
        var (map, copies) = (ExtentMap(), [(ExtentMap, [UInt64?])]())
        for step in 0..<3000 {
            let start = random.below(length - 1)
            let count = random.below(step % 100 == 99 ? 8000 : 20) + 1
            let range = start..<min(start + count, length)
            let place = random.below(4) == 0 ? Extent.zeroes : UInt64(random.below(1 << 30))
            map.insert(Extent(range: UInt64(range.lowerBound)..<UInt64(range.upperBound), place: place))
            for byte in range {
                table[byte] = place == Extent.zeroes ? place : place + UInt64(byte - range.lowerBound)
            }
            if step % 500 == 0 { copies.append((map, table)) }
        }
        copies.append((map, table))
        for (map, table) in copies { check(map, table) }
    }

    private func check(_ map: ExtentMap, _ table: [UInt64?]) {
        #expect(map.chunks.allSatisfy { !$0.isEmpty && $0.count <= ExtentMap.most })
        var found = [UInt64?](repeating: nil, count: table.count)
        var end: UInt64 = 0
        for extent in Self.extents(map) {
            #expect(extent.range.lowerBound >= end && !extent.range.isEmpty)
            end = extent.range.upperBound
            for byte in extent.range {
                found[Int(byte)] =
                    extent.isZero ? extent.place : extent.place + (byte - extent.range.lowerBound)
            }
        }
        #expect(found == table && map.upperBound == end)
        for start in stride(from: 0, to: table.count - 50, by: 333) {
            let isCovered = !table[start..<start + 50].contains(nil)
            #expect(map.covers(UInt64(start)..<UInt64(start + 50)) == isCovered)
        }
    }
}

/// The same numbers each time.
struct Random {
    private var state: UInt64

    init(_ seed: Int) { state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func below(_ limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(limit))
    }
}
