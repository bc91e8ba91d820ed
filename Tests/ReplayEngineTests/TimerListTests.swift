import Testing

@testable import ReplayEngine

@Suite struct TimerListTests {
    private static let nothing: Callback = { _ in }

    /// The handles in the order in which they fall due.
    private func drain(_ list: inout TimerList, _ opaques: [UInt: String], now: Int64) -> [String] {
        var order: [String] = []
        let limit = list.order
        while let timer = list.takeDue(now, before: limit) {
            order.append(opaques[UInt(bitPattern: timer.opaque)] ?? "?")
        }
        return order
    }

    private func set(_ list: inout TimerList, _ timer: UInt, _ time: Int64) {
        let isTimer = list.set(timer, at: time)
        #expect(isTimer)
    }

    private func takeOne(_ list: inout TimerList, _ now: Int64, before order: UInt64? = nil) -> Bool {
        list.takeDue(now, before: order ?? list.order) != nil
    }

    @Test func runsByTimeAndThenByTheOrderOfSetting() {
        var list = TimerList()
        let a = list.add(Self.nothing, UnsafeMutableRawPointer(bitPattern: 1)) ?? 0
        let b = list.add(Self.nothing, UnsafeMutableRawPointer(bitPattern: 2)) ?? 0
        let c = list.add(Self.nothing, UnsafeMutableRawPointer(bitPattern: 3)) ?? 0
        for (timer, time) in [(c, 20), (b, 10), (a, 10)] { set(&list, timer, Int64(time)) }
        #expect(list.nearest == 10)
        let order = drain(&list, [1: "a", 2: "b", 3: "c"], now: 20)
        #expect(order == ["b", "a", "c"])
        #expect(list.nearest == nil)
    }

    @Test func aTimerThatIsNotDueStays() {
        var list = TimerList()
        let a = list.add(Self.nothing, nil) ?? 0
        set(&list, a, 10)
        #expect(!takeOne(&list, 9))
        #expect(list.expire(a) == 10)
    }

    @Test func aFreedTimerIsNoTimerAnyMore() {
        var list = TimerList()
        let a = list.add(Self.nothing, nil) ?? 0
        set(&list, a, 10)
        let first = list.remove(a)
        let again = [list.remove(a), list.set(a, at: 1), list.clear(a)]
        #expect(first && again == [false, false, false])
        #expect(list.nearest == nil)
    }

    @Test func aTimerThatSetsItselfAnewWaitsForTheNextRun() {
        var list = TimerList()
        let a = list.add(Self.nothing, nil) ?? 0
        set(&list, a, 0)
        let limit = list.order
        #expect(takeOne(&list, 5, before: limit))
        set(&list, a, 0)
        #expect(!takeOne(&list, 5, before: limit))
        #expect(takeOne(&list, 5))
    }
}
