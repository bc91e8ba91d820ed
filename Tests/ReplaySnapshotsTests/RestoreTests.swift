import TestSupport
import Testing

@testable import ReplaySnapshots

@Suite struct RestoreTests {
    /// Restores a snapshot, and returns the pages that are reported, in order.
    private func restore(_ id: UInt64, _ guest: Guest, _ store: PageStore) -> (RestoreResult, [PageAddress]) {
        var pages: [PageAddress] = []
        let result = guest.takeDirty().withUnsafeBufferPointer { written in
            store.restore(id, written: written, memory: guest.regionMemory) { first, count in
                #expect(count > 0)
                for page in 0..<UInt32(count) {
                    pages.append(PageAddress(region: first.region, page: first.page + page))
                }
            }
        }
        return (result, pages)
    }

    @Test(arguments: 1...8) func exactlyThePagesThatDifferAreLoaded(seed: UInt64) throws {
        let guest = Guest(seed: seed)
        let store = try #require(guest.makeStore())
        for id in 1...30 as ClosedRange<UInt64> {
            guest.run(writes: 50)
            guest.snapshot(id, in: store)
        }
        for round in 0..<40 {
            let id = UInt64.random(in: 1...30, using: &guest.generator)
            guest.run(writes: Int.random(in: 0...30, using: &guest.generator))
            let before = guest.current
            let expected = guest.differences(before, guest.copies[id]!)
            let (result, pages) = restore(id, guest, store)
            #expect(result == .restored(pages: expected.count))
            #expect(pages == expected)
            #expect(guest.current == guest.copies[id])
            #expect(guest.materialized(nil, from: store) == guest.current)
            if round % 5 == 0 {
                // The run goes on from there.
                guest.run(writes: 20)
                #expect(guest.snapshot(UInt64(100 + round), in: store) == .added)
                #expect(guest.materialized(UInt64(100 + round), from: store) == guest.current)
            }
            #expect(store.violations() == [])
        }
    }

    @Test func runsAreAsLongAsTheyCanBe() throws {
        let guest = Guest(seed: 3)
        let store = try #require(guest.makeStore())
        guest.snapshot(1, in: store)
        let written = [
            (0, 0), (0, 126), (0, 127), (0, 128), (0, 129), (0, 299), (1, 0), (1, 1), (1, 39), (2, 0),
        ]
        for (region, page) in written {
            let address = PageAddress(region: UInt32(region), page: UInt32(page))
            guest.bytes(address)[1] ^= 1
            guest.markDirty(address)
        }
        var runs: [[UInt32]] = []
        let result = guest.takeDirty().withUnsafeBufferPointer { written in
            store.restore(1, written: written, memory: guest.regionMemory) { first, count in
                runs.append([first.region, first.page, UInt32(count)])
            }
        }
        #expect(result == .restored(pages: 10))
        #expect(runs == [[0, 0, 1], [0, 126, 4], [0, 299, 1], [1, 0, 2], [1, 39, 1], [2, 0, 1]])
    }

    @Test func pagesThatWereLostAreLoaded() throws {
        for budget in stride(from: 80_000, to: 120_000, by: 2000) {
            let guest = Guest(seed: 12)
            guard let store = guest.makeStore(budget: budget) else { continue }
            for id in 1...40 as ClosedRange<UInt64> {
                guest.run(writes: 60)
                guest.snapshot(id, in: store)
                guard id % 5 == 0, let label = store.labels.first else { continue }
                let (result, _) = restore(label.id, guest, store)
                #expect(result != .missing && guest.current == guest.copies[label.id])
                #expect(store.lostCount == 0 && store.violations() == [])
            }
        }
    }

    @Test func aRestoreNeedsNoMemory() throws {
        let guest = Guest(seed: 13)
        let store = try #require(guest.makeStore())
        for id in 1...10 as ClosedRange<UInt64> {
            guest.run(writes: 60)
            guest.snapshot(id, in: store)
        }
        guest.run(writes: 60)
        let written = guest.takeDirty()
        _ = AllocationFaults.fail(0, count: 1_000_000) {
            written.withUnsafeBufferPointer { written in
                let result = store.restore(4, written: written, memory: guest.regionMemory) { _, _ in }
                #expect(result != .missing)
            }
        }
        #expect(guest.current == guest.copies[4] && store.violations() == [])
    }

    @Test func whatIsWrongIsRefused() throws {
        let guest = Guest(seed: 14)
        let store = try #require(guest.makeStore())
        guest.snapshot(1, in: store)
        guest.run(writes: 9)
        let before = guest.current
        let none = UnsafeBufferPointer<PageAddress>(start: nil, count: 0)
        #expect(store.restore(2, written: none, memory: guest.regionMemory) { _, _ in } == .missing)
        #expect(store.restore(1, written: none, memory: []) { _, _ in } == .missing)
        var short = guest.regionMemory
        short[1].count -= 256
        #expect(store.restore(1, written: none, memory: short) { _, _ in } == .missing)
        #expect(guest.current == before)
        // A page that doesn't exist is ignored.
        let wrong = [PageAddress(region: 0, page: 300), PageAddress(region: 7, page: 0)]
        wrong.withUnsafeBufferPointer {
            #expect(
                store.restore(1, written: $0, memory: guest.regionMemory) { _, _ in } == .restored(pages: 0))
        }
    }

    /// 2,304 bytes of RAM in pages of 512.
    @Test func aRegionMayEndWithinAPage() throws {
        let region = RAMRegion(id: 1, byteCount: 2304, pageBytes: 512)
        #expect(region.length == 2560 && region.pageCount == 5)
        let layout = try #require(PageLayout([region]))
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 2560, alignment: 8)
        defer { bytes.deallocate() }
        bytes.initializeMemory(as: UInt8.self, repeating: 0xAA)
        let memory = RegionMemory(start: bytes.baseAddress!, count: 2304)
        let store = try #require(PageStore(layout, budget: 1 << 24))
        #expect(store.addStart(region: 0, UnsafeRawBufferPointer(rebasing: bytes[..<2304])))
        let staging = try #require(StagingBuffer(layout, memory: [memory], capacity: 1 << 16))
        let worker = try SnapshotWorker(staging, store)
        defer { worker.stop() }
        let last = [PageAddress(region: 0, page: 4)]
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        for id in 1...9 as ClosedRange<UInt64> {
            bytes[2303] = UInt8(id)
            let label = SnapshotLabel(id: id, place: SnapshotPlace(icount: id, event: 0), work: id)
            last.withUnsafeBufferPointer {
                #expect(staging.stage($0, label: label, state: none) == .staged)
            }
        }
        for id in [3, 9, 1] as [UInt64] {
            worker.withStore { store in
                let written = UnsafeBufferPointer<PageAddress>(start: nil, count: 0)
                let result = store.restore(id, written: written, memory: [memory]) { first, count in
                    #expect(first == last[0] && count == 1)
                }
                #expect(result == .restored(pages: 1))
                #expect(store.violations() == [])
            }
            #expect(bytes[2303] == UInt8(id) && bytes[2304] == 0xAA)
        }
        #expect(
            StagingBuffer(layout, memory: [RegionMemory(start: memory.start, count: 2048)], capacity: 9)
                == nil)
    }
}
