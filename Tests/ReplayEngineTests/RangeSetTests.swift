import Testing

@testable import ReplayEngine

@Suite struct RangeSetTests {
    @Test func mergesRangesThatTouch() {
        var set = RangeSet()
        set.insert(10..<20)
        set.insert(30..<40)
        set.insert(20..<30)
        #expect(set.ranges == [10..<40])
    }

    @Test func answersThePartsInsideOfARange() {
        var set = RangeSet()
        set.insert(0..<5)
        set.insert(10..<15)
        #expect(set.parts(in: 3..<12) == [3..<5, 10..<12])
    }

    @Test func findsGaps() {
        var set = RangeSet()
        set.insert(10..<20)
        set.insert(23..<30)
        #expect(set.gap(of: 3, from: 15) == 20)
        #expect(set.gap(of: 4, from: 15) == 30)
        #expect(set.gap(of: 10, from: 0) == 0)
        #expect(set.gap(of: 5, from: 6) == 30)
        #expect(set.count(from: 15) == 12)
    }

    @Test func acceptsRangesInAnyOrder() {
        let set = RangeSet([30..<40, 0..<5, 5..<8, 35..<38, 20..<20])
        #expect(set?.ranges == [0..<8, 30..<40])
    }
}
