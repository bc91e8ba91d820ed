import Glibc
import ReplayLog
import ReplaySystem
import TestSupport
import Testing

@testable import ReplaySnapshots

@Suite struct SnapshotFileTests {
    let scratch = Scratch()

    @Test(arguments: 1...6) func everySnapshotIsReadAsItWas(seed: UInt64) throws {
        let guest = Guest(seed: seed, disks: [100_000, 5000])
        let path = scratch.path("a.snap")
        let store = try #require(guest.makeStore())
        #expect(store.startDigest == guest.identity.startDigest)
        let writer = try guest.writer(path)
        guest.write(1...30, 0...60, to: writer, store)
        #expect(writer.failure == nil && writer.written == 30)
        try writer.finish()
        let reader = try guest.reader(path)
        #expect(reader.labels == store.labels)
        #expect(guest.check(reader) == [])
        try reader.verify()
        #expect(!reader.hasDamage && reader.labels.count == 30)
    }

    @Test func whatMemoryHasDroppedStaysInTheFile() throws {
        let guest = Guest(seed: 20)
        let path = scratch.path("a.snap")
        let store = try #require(guest.makeStore(budget: 160_000))
        let writer = try guest.writer(path)
        guest.write(1...60, 20...60, to: writer, store)
        #expect(store.dropped > 10)
        #expect(store.violations() == [])
        let reader = try guest.reader(path)
        #expect(reader.labels.count == Int(writer.written) && writer.written > 40)
        #expect(guest.check(reader) == [])
    }

    @Test func aReaderFollowsAWriter() throws {
        let guest = Guest(seed: 21)
        let path = scratch.path("a.snap")
        let store = try #require(guest.makeStore())
        let writer = try guest.writer(path)
        let reader = try guest.reader(path)
        for id in 1...20 as ClosedRange<UInt64> {
            #expect(reader.labels.count == Int(id) - 1)
            guest.write(id...id, 0...30, to: writer, store)
            try reader.refresh()
        }
        #expect(guest.check(reader) == [])
    }

    @Test func aStoreIsContinuedByTheNextSession() throws {
        let guest = Guest(seed: 22, disks: [30_000])
        let path = scratch.path("a.snap")
        for session in 0..<4 as Range<UInt64> {
            guest.load(guest.start)
            let store = try #require(guest.makeStore())
            let writer = try guest.writer(path)
            guest.write(session * 10 + 1...session * 10 + 10, 0...30, to: writer, store)
            try writer.finish()
            // What a killed writer leaves behind.
            Files.write(path, Files.read(path)! + [1, 2, 3])
        }
        let reader = try guest.reader(path)
        #expect(reader.labels.map(\.id) == Array(1...40))
        #expect(guest.check(reader) == [])
    }

    @Test func aStoreMayGoToSeveralFiles() throws {
        let guest = Guest(seed: 27, disks: [30_000])
        let store = try #require(guest.makeStore())
        let one = try guest.writer(scratch.path("a.snap"))
        let other = try guest.writer(scratch.path("b.snap"))
        for id in 1...12 as ClosedRange<UInt64> {
            guest.write(id...id, 10...30, to: id % 3 == 0 ? one : other, store)
        }
        #expect(guest.check(try guest.reader(scratch.path("a.snap"))) == [])
        #expect(guest.check(try guest.reader(scratch.path("b.snap"))) == [])
        #expect(one.written == 4 && other.written == 8)
    }

    @Test func thereIsOneWriter() throws {
        let guest = Guest(seed: 23)
        let path = scratch.path("a.snap")
        let writer = try guest.writer(path)
        #expect(throws: LogError.self) { _ = try guest.writer(path) }
        try writer.finish()
        _ = try guest.writer(path)
    }

    @Test func aStoreOfSomethingElseIsRejected() throws {
        let guest = Guest(seed: 24)
        let path = scratch.path("a.snap")
        let store = try #require(guest.makeStore())
        try {
            let writer = try guest.writer(path)
            guest.write(1...3, 0...30, to: writer, store)
            try writer.finish()
        }()
        let changes: [(inout SnapshotFileIdentity) -> Void] = [
            { $0.logMetadata += 1 }, { $0.fingerprint += 1 }, { $0.startDigest += 1 },
            { $0.regions[0].length += 64 }, { $0.regions[1].pageBytes = 128 }, { $0.regions.removeLast() },
            { $0.regions[0].id = 99 },
        ]
        for change in changes {
            var identity = guest.identity
            change(&identity)
            do throws(LogError) {
                _ = try SnapshotFileReader(path: path, identity: identity, start: { _, _ in false })
                Issue.record("read")
            } catch { #expect(error.code == .foreign) }
            do throws(LogError) {
                _ = try SnapshotFileWriter(path: path, identity: identity)
                Issue.record("written")
            } catch { #expect(error.code == .foreign) }
        }
        #expect(try guest.reader(path).labels.count == 3)
        var identity = guest.identity
        identity.logMetadata += 1
        _ = try SnapshotFileWriter(path: path, identity: identity, replaces: true)
        #expect(throws: LogError.self) { _ = try guest.reader(path) }
        for (bytes, code) in [
            ([], .empty), (Array("not a store of snapshots, but a text".utf8), .notALog),
            (SnapshotFileHeader.magic + [9], .damaged),
        ] as [([UInt8], LogError.Code)] {
            Files.write(path, bytes)
            do throws(LogError) {
                _ = try guest.reader(path)
                Issue.record("read")
            } catch { #expect(error.code == code) }
        }
        #expect(throws: LogError.self) { _ = try guest.reader(scratch.folder) }
        #expect(throws: LogError.self) { _ = try guest.reader(scratch.path("none")) }
    }

    @Test func recordsOfADifferentStoreAreIgnored() throws {
        let guest = Guest(seed: 25)
        let (one, other) = (scratch.path("a.snap"), scratch.path("b.snap"))
        let store = try #require(guest.makeStore())
        let writer = try guest.writer(one)
        guest.write(1...3, 0...30, to: writer, store)
        var identity = guest.identity
        identity.logMetadata += 1
        let otherStore = try #require(Guest(seed: 25).makeStore())
        let otherWriter = try SnapshotFileWriter(path: other, identity: identity)
        Guest(seed: 25).write(1...9, 0...30, to: otherWriter, otherStore)
        Files.write(one, Files.read(one)! + Files.read(other)!)
        let reader = try guest.reader(one)
        #expect(reader.labels.map(\.id) == [1, 2, 3] && reader.hasDamage)
        #expect(guest.check(reader) == [])
    }

    @Test func aStoreStopsAtItsLimit() throws {
        let guest = Guest(seed: 26)
        let store = try #require(guest.makeStore())
        let writer = try SnapshotFileWriter(
            path: scratch.path("a.snap"), identity: guest.identity, limit: 20_000)
        guest.write(1...60, 30...30, to: writer, store)
        #expect(writer.skipped > 0 && writer.written + writer.skipped == 60 && writer.failure == nil)
        #expect(writer.length > 10_000 && writer.length <= 20_000 && writer.end?.code == .tooLarge)
        #expect(Files.read(scratch.path("a.snap"))?.count == Int(writer.length))
        #expect(guest.check(try guest.reader(scratch.path("a.snap"))) == [])
    }

    @Test func aDiskThatIsTooLargeForTheLimitEndsTheStore() throws {
        let guest = Guest(seed: 28, disks: [5_000_000])
        let store = try #require(guest.makeStore())
        let path = scratch.path("a.snap")
        let writer = try SnapshotFileWriter(path: path, identity: guest.identity, limit: 300_000)
        guest.write(1...20, 3...9, to: writer, store)
        #expect(writer.skipped > 0 && writer.written + writer.skipped == 20 && writer.failure == nil)
        #expect(writer.length <= 300_000)
        let reader = try guest.reader(path)
        #expect(guest.check(reader) == [] && reader.labels.count == Int(writer.written))
    }
}
