import TestSupport
import Testing

@testable import ReplaySnapshots

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
    @Test(arguments: 0..<4 as Range<UInt64>) func randomInsertions(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &random) }
        let length = 20_000
        var table = [UInt64?](repeating: nil, count: length)
        var (map, copies) = (ExtentMap(), [(ExtentMap, [UInt64?])]())
        for step in 0..<3000 {
            let start = below(length - 1)
            let count = below(step % 100 == 99 ? 8000 : 20) + 1
            let range = start..<min(start + count, length)
            let place = below(4) == 0 ? Extent.zeroes : UInt64(below(1 << 30))
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
