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
        #expect(!set.covers(3..<12))
        #expect(set.covers(11..<15))
    }
}
