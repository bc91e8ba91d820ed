import Glibc
import ReplayLog
import ReplaySystem
import TestSupport
import Testing

@testable import ReplaySnapshots

@Suite struct WorkerTests {
    let scratch = Scratch()

    private func staging(_ guest: Guest, _ capacity: Int) throws -> StagingBuffer {
        try #require(
            StagingBuffer(
                guest.layout, memory: guest.regionMemory, capacity: capacity))
    }

    /// Stages what is dirty. If the buffer is full, that stays dirty.
    private func stage(_ id: UInt64, _ guest: Guest, _ staging: StagingBuffer) -> StagingBuffer.Result {
        let addresses = guest.takeDirty()
        let result = addresses.withUnsafeBufferPointer { addresses in
            withUnsafeBytes(of: id) {
                staging.stage(
                    addresses,
                    label: SnapshotLabel(id: id, place: SnapshotPlace(icount: id, event: 0), work: id),
                    state: $0)
            }
        }
        if result == .staged { guest.copies[id] = guest.current } else { addresses.forEach(guest.markDirty) }
        return result
    }

    @Test(arguments: [600, 3000, 20_000, 1 << 20]) func twoThreadsMakeSnapshots(capacity: Int) throws {
        let guest = Guest(seed: UInt64(capacity))
        let store = try #require(guest.makeStore())
        let staging = try staging(guest, capacity)
        let path = scratch.path("a.snap")
        let worker = try SnapshotWorker(staging, store, file: try guest.writer(path))
        var staged: UInt64 = 0
        for id in 1...300 as ClosedRange<UInt64> {
            guest.run(writes: Int.random(in: 0...60, using: &guest.generator))
            if stage(id, guest, staging) == .staged { staged += 1 }
            if id % 60 == 0 {
                // A seek: everything is stored first.
                let back = guest.copies.keys.sorted().randomElement(using: &guest.generator)!
                #expect(worker.withStore { $0.follow(back) })
                guest.load(guest.copies[back]!)
            }
        }
        worker.withStore { store in
            #expect(store.violations() == [])
            for label in store.labels {
                #expect(guest.materialized(label.id, from: store) == guest.copies[label.id])
            }
        }
        worker.stop()
        #expect(worker.statistics.added == staged && staging.skipped == 300 - staged)
        #expect(worker.fileFailure == nil && staged > 0)
        if capacity == 1 << 20 { #expect(staged > 100) }
        let reader = try guest.reader(path)
        #expect(reader.labels.count == Int(staged) && guest.check(reader) == [])
    }

    @Test func aSmallBudgetUnderLoadIsRightOrReportsWhatIsLost() throws {
        for budget in [90_000, 110_000, 150_000] {
            let guest = Guest(seed: UInt64(budget))
            guard let store = guest.makeStore(budget: budget) else { continue }
            let staging = try staging(guest, 1 << 16)
            let worker = try SnapshotWorker(staging, store)
            for id in 1...200 as ClosedRange<UInt64> {
                guest.run(writes: Int.random(in: 0...60, using: &guest.generator))
                if staging.lost > 0 { worker.withStore { $0.lostPages { guest.markDirty($0) } } }
                _ = stage(id, guest, staging)
            }
            worker.withStore { store in
                #expect(store.violations() == [], "\(budget)")
                for label in store.labels {
                    #expect(guest.materialized(label.id, from: store) == guest.copies[label.id])
                }
            }
            worker.stop()
        }
    }

    @Test func aFullBufferCopiesNothingAndNeverWaits() throws {
        let guest = Guest(seed: 9)
        let staging = try staging(guest, 2048)
        guest.run(writes: 10)
        var id: UInt64 = 1
        while stage(id, guest, staging) == .staged {
            guest.run(writes: 5)
            id += 1
        }
        #expect(staging.skipped == 1 && id > 1)
        // Longer than the whole buffer: it gets memory of its own, once.
        guest.run(writes: 500)
        #expect(stage(id + 1, guest, staging) == .staged)
        guest.run(writes: 500)
        #expect(stage(id + 2, guest, staging) == .full)
        let store = try #require(Guest(seed: 9).makeStore())
        let worker = try SnapshotWorker(staging, store)
        worker.withStore { store in
            #expect(store.labels.count == Int(id))
            for label in store.labels {
                #expect(guest.materialized(label.id, from: store) == guest.copies[label.id])
            }
        }
        #expect(stage(id + 3, guest, staging) == .staged)
        worker.stop()
        #expect(stage(id + 4, guest, staging) == .full)
    }

    @Test func aPageThatDoesntExistIsRefused() throws {
        let guest = Guest(seed: 9)
        let staging = try staging(guest, 2048)
        guest.markDirty(PageAddress(region: 0, page: 300))
        #expect(stage(1, guest, staging) == .invalid)
        #expect(staging.skipped == 0)
    }

    @Test func aThreadThatCantStartIsAnError() throws {
        let guest = Guest(seed: 9)
        let store = try #require(guest.makeStore())
        let system = Syscalls(faults: SyscallFaults { call, _ in call == .thread ? .fail(EAGAIN) : .pass })
        let staging = try staging(guest, 2048)
        #expect(throws: SystemError(EAGAIN)) { _ = try SnapshotWorker(staging, store, system: system) }
    }
}
