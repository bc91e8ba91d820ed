import Testing

@testable import ReplaySnapshots

@Suite struct BudgetTests {
    /// What an empty store takes.
    private func least(_ guest: Guest) -> Int {
        var low = 0
        var high = 1 << 24
        while low + 1 < high {
            let middle = (low + high) / 2
            if guest.makeStore(budget: middle) == nil { low = middle } else { high = middle }
        }
        return high
    }

    @Test func aStoreThatDoesntFitIsNotMade() {
        let guest = Guest(seed: 1)
        let least = least(guest)
        for budget in stride(from: 0, to: least, by: 977) { #expect(guest.makeStore(budget: budget) == nil) }
        #expect(guest.makeStore(budget: least)?.violations() == [])
    }

    /// With any budget, what is there is right, and what is lost is known.
    @Test(arguments: 1...4) func aSmallBudgetDropsSnapshotsAndNothingElse(seed: UInt64) throws {
        let least = least(Guest(seed: seed))
        for room in [0, 100, 600, 1500, 3000, 6000, 12000, 25000, 50000, 100_000] {
            let guest = Guest(seed: seed)
            let store = try #require(guest.makeStore(budget: least + room))
            var made = 0
            for id in 1...50 as ClosedRange<UInt64> {
                guest.run(writes: Int.random(in: 0...40, using: &guest.generator))
                let result = guest.snapshot(id, in: store)
                if result == .added { made += 1 }
                #expect(result == .added || result == .withoutMemory || result == .incomplete)
                #expect((result == .incomplete) == (store.lostCount > 0))
                #expect(store.violations() == [], "room \(room), snapshot \(id)")
                if id % 9 == 0, let back = store.labels.randomElement(using: &guest.generator) {
                    #expect(store.follow(back.id))
                    guest.load(guest.copies[back.id]!)
                }
            }
            for label in store.labels {
                #expect(guest.materialized(label.id, from: store) == guest.copies[label.id])
            }
            #expect(made == store.labels.count + Int(store.dropped))
            if room == 0 { #expect(store.labels.isEmpty) }
            if room == 100_000 { #expect(store.labels.count > 5) }
        }
    }

    @Test func everySecondSnapshotIsDroppedFromTheOldestOn() throws {
        let guest = Guest(seed: 4)
        let store = try #require(guest.makeStore())
        for id in 1...8 as ClosedRange<UInt64> { guest.snapshot(id, in: store, isKept: id == 3) }
        for left in [[2, 3, 4, 5, 6, 7, 8], [2, 3, 5, 6, 7, 8], [2, 3, 5, 7, 8]] as [[UInt64]] {
            #expect(store.dropOne())
            #expect(store.labels.map(\.id) == left)
        }
        while store.dropOne() {}
        #expect(store.labels.map(\.id) == [3])
        #expect(store.violations() == [])
    }
}
