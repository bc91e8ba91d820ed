import Testing

@testable import ReplayTool

@Suite struct DrawingTests {
    @Test func partsGrowWithTheLog() {
        var series = KindSeries()
        var icount: UInt64 = 1000
        for step in 0..<5000 as Range<UInt64> {
            series.add(UInt8(step % 3), at: icount, bytes: 2)
            icount += step % 7
        }
        #expect(series.first == 1000)
        #expect((KindSeries.most / 2...KindSeries.most).contains(series.count))
        var sum = KindSeries.Amount()
        for part in 0..<series.count {
            for kind in 0..<3 {
                sum.events += series.amount(kind, part).events
                sum.bytes += series.amount(kind, part).bytes
            }
        }
        #expect(sum.events == 5000 && sum.bytes == 10000)
    }

    @Test func partsHoldAnyIcounts() {
        var series = KindSeries()
        series.add(1, at: 0, bytes: 1)
        series.add(1, at: .max, bytes: 1)
        series.extend(to: .max)
        #expect(series.count <= KindSeries.most)
        #expect(series.amount(1, 0).events == 1 && series.amount(1, series.count - 1).events == 1)
        // An icount before the first one comes from a damaged file only.
        var backwards = KindSeries()
        backwards.add(1, at: 10, bytes: 1)
        backwards.add(1, at: 5, bytes: 1)
        #expect(backwards.count == 1)
    }

    @Test func scalesHaveRoundNumbers() {
        #expect(Scale(from: 0, to: 97, ticks: 5, extends: true).ticks == [0, 20, 40, 60, 80, 100])
        #expect(Scale(from: 0, to: 97, ticks: 5, extends: false).ticks == [0, 20, 40, 60, 80])
        #expect(Scale(from: 1500, to: 2600, ticks: 4, extends: false).ticks == [1500, 2000, 2500])
        #expect(Scale(from: 0, to: 0, ticks: 4, extends: true).ticks == [0, 1])
        let longest = Scale(from: 0, to: Double(UInt64.max), ticks: 8, extends: false)
        #expect(longest.ticks.count <= 9 && longest.place(longest.last, 100) == 100)
        #expect(longest.place(-1, 100) == 0)
        let far = Scale(from: Double(UInt64.max - 1), to: Double(UInt64.max), ticks: 8, extends: false)
        #expect(far.ticks.count <= 17 && far.place(far.last, 100) == 0)
    }

    @Test func numbersAreShort() {
        #expect(Scale.short(0) == "0")
        #expect(Scale.short(0.05) == "0.05")
        #expect(Scale.short(0.5) == "0.5")
        #expect(Scale.short(12.34) == "12.3")
        #expect(Scale.short(1500) == "1.5 k")
        #expect(Scale.short(999_900) == "1000 k")
        #expect(Scale.short(2_000_000) == "2 M")
        #expect(Scale.short(.infinity) == "inf T")
    }
}
