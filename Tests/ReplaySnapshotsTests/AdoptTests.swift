import ReplayLog
import TestSupport
import Testing

@testable import ReplaySnapshots

/// Snapshots of a file become snapshots in memory.
@Suite struct AdoptTests {
    let scratch = Scratch()

    private func adopt(_ id: UInt64, _ reader: SnapshotFileReader, _ store: PageStore) throws -> AdoptResult {
        try store.adopt(try #require(try reader.open(id)), from: reader)
    }

    @Test(arguments: 1...5) func theyAreAsTheyWere(seed: UInt64) throws {
        let path = scratch.path("a.snap")
        let guest = Guest(seed: seed)
        let first = try #require(guest.makeStore())
        guest.write(1...20, 10...80, to: try guest.writer(path), first)
        let reader = try guest.reader(path)
        // The next session is somewhere else.
        guest.load(guest.start)
        let store = try #require(guest.makeStore())
        guest.run(writes: 50)
        guest.snapshot(100, in: store)
        guest.run(writes: 20)
        for id in [7, 20, 1, 13, 14] as [UInt64] {
            #expect(try adopt(id, reader, store) == .adopted)
            #expect(store.violations() == [])
            #expect(guest.materialized(id, from: store) == guest.copies[id])
            #expect(store.state(of: id).map { Array($0) } == withUnsafeBytes(of: id) { Array($0) })
            #expect(store.mayHaveWritten(PageAddress(region: 0, page: 0), from: nil, to: id))
            // Where the run is doesn't change.
            #expect(guest.materialized(nil, from: store) == guest.copies[100])
        }
        #expect(try adopt(7, reader, store) == .refused)
        for id in [14, 1, 100, 20] as [UInt64] {
            let written = guest.takeDirty()
            let result = written.withUnsafeBufferPointer {
                store.restore(id, written: $0, memory: guest.regionMemory) { _, _ in }
            }
            #expect(result != .missing && guest.current == guest.copies[id])
            guest.run(writes: 30)
        }
        // They are dropped like others, and can be adopted again.
        #expect(store.drop(7) && store.violations() == [])
        #expect(try adopt(7, reader, store) == .adopted)
        #expect(guest.materialized(7, from: store) == guest.copies[7])
    }

    /// What a replay adds goes to the end of the file that it reads.
    @Test func aFileIsReadAndContinued() throws {
        let path = scratch.path("a.snap")
        let guest = Guest(seed: 9)
        let first = try #require(guest.makeStore())
        do {
            let writer = try guest.writer(path)
            guest.write(1...10, 40...80, to: writer, first)
            try writer.finish()
        }
        guest.load(guest.start)
        let store = try #require(guest.makeStore())
        let writer = try guest.writer(path)
        let reader = try guest.reader(path)
        #expect(try adopt(6, reader, store) == .adopted)
        _ = store.restore(
            6, written: UnsafeBufferPointer(start: nil, count: 0), memory: guest.regionMemory
        ) { _, _ in }
        guest.write(11...15, 10...20, to: writer, store)
        #expect(writer.failure == nil)
        try reader.refresh()
        #expect(reader.labels.map(\.id) == Array(1...15) && guest.check(reader) == [])
        #expect(try adopt(3, reader, store) == .adopted && store.violations() == [])
    }

    @Test(arguments: [1, 1_000_000]) func withoutMemoryNothingChanges(count: Int) throws {
        let path = scratch.path("a.snap")
        let guest = Guest(seed: 11)
        let first = try #require(guest.makeStore())
        guest.write(1...4, 60...100, to: try guest.writer(path), first)
        let reader = try guest.reader(path)
        let snapshot = try #require(try reader.open(4))
        var number = 0
        while true {
            guest.load(guest.start)
            let store = try #require(guest.makeStore())
            var result: AdoptResult?
            let failed = AllocationFaults.fail(number, count: count) {
                do throws(LogError) { result = try store.adopt(snapshot, from: reader) } catch {
                    #expect(error.code == .noMemory)
                }
            }
            #expect(store.violations() == [], "allocation \(number)")
            #expect(guest.materialized(nil, from: store) == guest.start)
            if result == .adopted { #expect(guest.materialized(4, from: store) == guest.copies[4]) }
            if !failed { break }
            if result != .adopted { #expect(store.labels == []) }
            number += 1
        }
        #expect(number > 20)
    }
}
