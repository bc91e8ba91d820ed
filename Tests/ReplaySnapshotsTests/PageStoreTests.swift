import Testing

@testable import ReplaySnapshots

@Suite struct PageStoreTests {
    private func differences(_ store: PageStore, _ one: UInt64?, _ other: UInt64?) -> [PageAddress]? {
        var found: [PageAddress] = []
        return store.differences(from: one, to: other) { found.append($0) } ? found : nil
    }

    @Test(arguments: 1...8) func everySnapshotEqualsAPlainCopy(seed: UInt64) throws {
        let guest = Guest(seed: seed)
        let store = try #require(guest.makeStore())
        #expect(store.violations() == [])
        for id in 1...40 as ClosedRange<UInt64> {
            guest.run(writes: Int.random(in: 0...60, using: &guest.generator))
            #expect(guest.snapshot(id, in: store) == .added)
            #expect(guest.materialized(nil, from: store) == guest.current)
            if id % 3 == 0, let victim = guest.copies.keys.sorted().randomElement(using: &guest.generator) {
                #expect(store.drop(victim))
                guest.copies[victim] = nil
            }
            if id % 7 == 0, let back = guest.copies.keys.sorted().randomElement(using: &guest.generator) {
                #expect(store.follow(back))
                guest.load(guest.copies[back]!)
            }
            #expect(store.violations() == [], "snapshot \(id)")
        }
        #expect(store.labels.map(\.id) == guest.copies.keys.sorted())
        for (id, copy) in guest.copies {
            #expect(guest.materialized(id, from: store) == copy, "snapshot \(id)")
            #expect(store.state(of: id).map { Array($0) } == withUnsafeBytes(of: id) { Array($0) })
            for (other, otherCopy) in guest.copies where (id + other) % 5 == 0 {
                #expect(differences(store, id, other) == guest.differences(copy, otherCopy))
            }
        }
    }

    @Test func droppingEverythingReleasesEverything() throws {
        let guest = Guest(seed: 5)
        let store = try #require(guest.makeStore())
        guest.run(writes: 100)
        guest.snapshot(1, in: store)
        store.drop(1)
        store.followStart()
        let fixed =
            store.budget.used - store.store.versions.bytes - store.store.groups.bytes
            - store.store.index.bytes
        for id in 2...60 as ClosedRange<UInt64> {
            guest.run(writes: 50)
            guest.snapshot(id, in: store)
        }
        for label in store.labels { store.drop(label.id) }
        store.followStart()
        #expect(store.violations() == [])
        #expect(
            store.budget.used - store.store.versions.bytes - store.store.groups.bytes
                - store.store.index.bytes == fixed)
    }

    @Test func whatIsUnchangedOrKnownTakesNoMemory() throws {
        let guest = Guest(seed: 6)
        let store = try #require(guest.makeStore())
        let versions = store.store.index.count
        for address in guest.allPages { guest.markDirty(address) }
        guest.snapshot(1, in: store)
        #expect(store.store.index.count == versions)
        #expect(differences(store, nil, 1) == [])
        let (a, b) = (PageAddress(region: 0, page: 3), PageAddress(region: 0, page: 200))
        guest.bytes(b).copyBytes(from: Array(guest.bytes(a)))
        guest.markDirty(b)
        guest.bytes(a).initializeMemory(as: UInt8.self, repeating: 0)
        guest.markDirty(a)
        guest.snapshot(2, in: store)
        #expect(store.store.index.count == versions)
        #expect(guest.materialized(2, from: store) == guest.current)
        #expect(differences(store, 1, 2) == [a, b])
    }

    @Test func whatIsLeftOfGroupsIsPutTogether() throws {
        let guest = Guest(seed: 40)
        let store = try #require(guest.makeStore())
        for id in 1...200 as ClosedRange<UInt64> {
            guest.run(writes: 40)
            guest.snapshot(id, in: store)
            if id % 8 != 0 { store.drop(id) }
            #expect(store.violations() == [])
            #expect(store.store.deadCount < 200 || store.store.deadCount < store.store.index.count)
        }
        for label in store.labels {
            #expect(guest.materialized(label.id, from: store) == guest.copies[label.id])
        }
    }

    @Test func smallChangesAreStoredAsDifferences() throws {
        let guest = Guest(seed: 8)
        let store = try #require(guest.makeStore())
        let address = PageAddress(region: 1, page: 3)
        for id in 1...20 as ClosedRange<UInt64> {
            guest.bytes(address)[17] = UInt8(100 + id)
            guest.markDirty(address)
            guest.snapshot(id, in: store)
            let version = store.latest.version(store.layout.place(address))
            #expect(store.store.versions[version].pointee.base != 0)
        }
        #expect(store.violations() == [])
        for (id, copy) in guest.copies { #expect(guest.materialized(id, from: store) == copy) }
    }

    @Test func aWrongCallIsRefused() throws {
        let guest = Guest(seed: 9)
        let store = try #require(guest.makeStore())
        guest.snapshot(1, in: store)
        #expect(guest.snapshot(1, in: store) == .duplicate)
        #expect(!store.drop(2) && !store.follow(2) && store.state(of: 2) == nil)
        #expect(differences(store, 1, 2) == nil)
        var page = [UInt8](repeating: 0, count: 64)
        page.withUnsafeMutableBytes {
            #expect(!store.materialize(PageAddress(region: 0, page: 300), of: 1, into: $0))
            #expect(!store.materialize(PageAddress(region: 3, page: 0), of: 1, into: $0))
            #expect(!store.materialize(PageAddress(region: 1, page: 0), of: 1, into: $0))
        }
        #expect(PageLayout([RAMRegion(id: 1, length: 100, pageBytes: 64)]) == nil)
        #expect(PageLayout([RAMRegion(id: 1, length: 96, pageBytes: 48)]) == nil)
        #expect(PageLayout([Guest.small[0], Guest.small[0]]) == nil)
    }
}
