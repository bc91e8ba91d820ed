import Testing

@testable import ReplaySnapshots

@Suite struct WrittenTests {
    /// Which pages were written in each step of the run: step n ends at snapshot n.
    private struct Steps {
        var written: [Set<PageAddress>] = [[]]

        func contains(_ address: PageAddress, from: UInt64, to: UInt64) -> Bool {
            written[Int(from + 1)...Int(to)].contains { $0.contains(address) }
        }
    }

    private func run(_ guest: Guest, _ steps: inout Steps) {
        guest.run(writes: Int.random(in: 0...20, using: &guest.generator))
        steps.written.append(guest.dirty)
    }

    @Test(arguments: 1...6) func eachIntervalHasWhatWasWrittenInIt(seed: UInt64) throws {
        let guest = Guest(seed: seed)
        let store = try #require(guest.makeStore())
        var steps = Steps()
        for id in 1...30 as ClosedRange<UInt64> {
            run(guest, &steps)
            guest.snapshot(id, in: store)
        }
        for id in [4, 5, 6, 12, 30, 1, 20] as [UInt64] { store.drop(id) }
        #expect(store.violations() == [])
        let ids = store.labels.map(\.id)
        for (index, to) in ids.enumerated() {
            for from in [nil] + ids[..<index].map({ Optional($0) }) {
                let wrong = guest.allPages.filter {
                    store.mayHaveWritten($0, from: from, to: to)
                        != steps.contains($0, from: from ?? 0, to: to)
                }
                #expect(wrong == [])
            }
        }
    }

    @Test func whatWasAddedWithoutASnapshotCounts() throws {
        let guest = Guest(seed: 5)
        let store = try #require(guest.makeStore())
        guest.snapshot(1, in: store)
        let address = PageAddress(region: 0, page: 77)
        guest.markDirty(address)
        #expect(guest.snapshot(1, in: store) == .duplicate)
        guest.snapshot(2, in: store)
        #expect(store.mayHaveWritten(address, from: 1, to: 2))
        // The last one is dropped while the run goes on from it.
        store.drop(2)
        guest.snapshot(3, in: store)
        #expect(store.mayHaveWritten(address, from: 1, to: 3))
        guest.snapshot(4, in: store)
        #expect(!store.mayHaveWritten(address, from: 3, to: 4))
    }

    @Test func aRunThatWentBackBeginsAtThatSnapshot() throws {
        let guest = Guest(seed: 6)
        let store = try #require(guest.makeStore())
        let (a, b) = (PageAddress(region: 0, page: 1), PageAddress(region: 1, page: 2))
        guest.snapshot(10, in: store)
        guest.markDirty(a)
        guest.snapshot(20, in: store)
        guest.markDirty(b)
        #expect(store.follow(10))
        _ = guest.takeDirty()
        guest.markDirty(a)
        guest.snapshot(15, in: store)
        #expect(store.mayHaveWritten(a, from: 10, to: 15) && !store.mayHaveWritten(b, from: 10, to: 15))
        // From 15 to 20 it isn't known: more than what was written, not less.
        #expect(store.mayHaveWritten(a, from: 15, to: 20) && !store.mayHaveWritten(b, from: 15, to: 20))
        store.drop(10)
        #expect(store.mayHaveWritten(a, from: nil, to: 20) && !store.mayHaveWritten(b, from: nil, to: 20))
        #expect(store.violations() == [])
        store.followStart()
        guest.markDirty(b)
        guest.snapshot(3, in: store)
        #expect(!store.mayHaveWritten(a, from: nil, to: 3) && store.mayHaveWritten(b, from: nil, to: 3))
    }

    @Test func whatIsNotKnownMayHaveBeenWritten() throws {
        let guest = Guest(seed: 7)
        let store = try #require(guest.makeStore())
        let address = PageAddress(region: 0, page: 1)
        guest.snapshot(1, in: store)
        guest.snapshot(2, in: store, listsEveryWrite: false)
        guest.snapshot(3, in: store)
        #expect(
            store.mayHaveWritten(address, from: 1, to: 2) && !store.mayHaveWritten(address, from: 2, to: 3))
        store.drop(2)
        #expect(store.mayHaveWritten(address, from: 1, to: 3))
        #expect(
            store.mayHaveWritten(address, from: 1, to: 99) && store.mayHaveWritten(address, from: 99, to: 3))
        #expect(store.mayHaveWritten(PageAddress(region: 9, page: 0), from: 1, to: 3))
        #expect(store.violations() == [])
    }

    /// Without memory it may have too many pages, but never too few.
    @Test func withoutMemoryNothingIsForgotten() throws {
        for budget in stride(from: 80_000, to: 200_000, by: 5000) {
            let guest = Guest(seed: 8)
            guard let store = guest.makeStore(budget: budget) else { continue }
            var steps = Steps()
            for id in 1...40 as ClosedRange<UInt64> {
                store.lostPages { guest.markDirty($0) }
                run(guest, &steps)
                guest.snapshot(id, in: store)
            }
            let ids = store.labels.map(\.id)
            for (index, to) in ids.enumerated() {
                let from = index > 0 ? ids[index - 1] : nil
                for address in guest.allPages where steps.contains(address, from: from ?? 0, to: to) {
                    #expect(store.mayHaveWritten(address, from: from, to: to))
                }
            }
            #expect(store.violations() == [])
        }
    }
}
