import ReplayLog
import TestSupport
import Testing

@testable import ReplaySnapshots

/// Each allocation fails once, and so do the ones after it.
@Suite(.serialized) struct MemoryTests {
    let scratch = Scratch()
    private static let regions = [
        RAMRegion(id: 3, length: 200 * 64, pageBytes: 64), RAMRegion(id: 4, length: 9 * 128, pageBytes: 128),
    ]

    @Test(arguments: [1, 2, 5, 1_000_000]) func aStoreWithoutMemoryIsRightOrReportsWhatIsLost(count: Int)
        throws
    {
        var number = 0
        while true {
            let guest = Guest(seed: 3, regions: MemoryTests.regions)
            var store: PageStore?
            let failed = AllocationFaults.fail(number, count: count) {
                store = guest.makeStore()
                guard let store else { return }
                for id in 1...12 as ClosedRange<UInt64> {
                    guest.run(writes: 40)
                    let result = guest.snapshot(id, in: store)
                    #expect(result == .added || result == .withoutMemory || result == .incomplete)
                    if id % 4 == 0, let back = store.labels.first {
                        #expect(store.follow(back.id))
                        guest.load(guest.copies[back.id]!)
                    }
                }
            }
            if let store {
                #expect(store.violations() == [], "allocation \(number)")
                for label in store.labels {
                    #expect(guest.materialized(label.id, from: store) == guest.copies[label.id])
                }
                // There is memory again.
                guest.run(writes: 5)
                #expect(guest.snapshot(100, in: store) == .added)
                #expect(guest.materialized(100, from: store) == guest.current)
                #expect(store.violations() == [])
            }
            if !failed { break }
            number += 1
        }
        #expect(number > 100)
    }

    @Test(arguments: [1, 1_000_000]) func aFileWithoutMemoryIsRightOrReportsIt(count: Int) throws {
        var number = 0
        while true {
            let guest = Guest(seed: 4, regions: MemoryTests.regions)
            let path = scratch.path("\(count).snap")
            Files.write(path, [])
            let store = try #require(guest.makeStore())
            for id in 1...4 as ClosedRange<UInt64> {
                guest.run(writes: 20)
                guest.snapshot(id, in: store)
            }
            var error: LogError?
            let failed = AllocationFaults.fail(number, count: count) {
                do throws(LogError) {
                    let writer = try guest.writer(path)
                    for id in 1...4 as ClosedRange<UInt64> { writer.append(id, of: store) }
                    if let failure = writer.failure { throw failure }
                    let reader = try guest.reader(path)
                    for id in 1...4 as ClosedRange<UInt64> {
                        guard let snapshot = try reader.open(id) else { throw LogError(.misuse, "") }
                        let copy = try guest.materialized(snapshot, from: reader)
                        #expect(copy == guest.copies[id])
                    }
                } catch let failure {
                    error = failure
                }
            }
            if !failed {
                #expect(error == nil)
                break
            }
            if let error { #expect(error.code == .noMemory, "allocation \(number): \(error)") }
            if let size = Files.read(path)?.count, size > 0 {
                let reader = try guest.reader(path)
                #expect(guest.check(reader) == [] && !reader.hasDamage)
            }
            number += 1
        }
        #expect(number > 10)
    }
}
