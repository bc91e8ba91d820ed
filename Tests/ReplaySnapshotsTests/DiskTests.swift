import ReplayLog
import TestSupport
import Testing

@testable import ReplaySnapshots

/// Maps of disks and their differences, and what a file has of disks.
@Suite struct DiskTests {
    let scratch = Scratch()

    private func bytes(_ map: ExtentMap, _ count: Int) -> [UInt64?] {
        var table = [UInt64?](repeating: nil, count: count)
        for extent in map.chunks.flatMap({ $0 }) {
            for byte in extent.range { table[Int(byte)] = extent.clamped(to: byte..<byte + 1).place }
        }
        return table
    }

    @Test(arguments: 0..<6 as Range<UInt64>) func changesLeadFromOneMapToTheOther(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let count = 9000
        func change(_ map: inout ExtentMap) {
            let start = UInt64.random(in: 0..<UInt64(count - 1), using: &generator)
            let end = min(start + UInt64.random(in: 1...60, using: &generator), UInt64(count))
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: map.remove(start..<end)
            case 1: map.insert(Extent(range: start..<end, place: Extent.zeroes))
            case 2: map.insert(Extent(range: start..<end, place: start))
            default:
                let place = UInt64.random(in: 0...1 << 40, using: &generator)
                map.insert(Extent(range: start..<end, place: place))
            }
        }
        var maps = [ExtentMap()]
        for _ in 0..<40 {
            var map = maps.randomElement(using: &generator)!
            for _ in 0..<Int.random(in: 0...200, using: &generator) { change(&map) }
            maps.append(map)
            #expect(map.chunks.allSatisfy { !$0.isEmpty && $0.count <= ExtentMap.most })
        }
        for _ in 0..<60 {
            let (old, new) = (
                maps.randomElement(using: &generator)!, maps.randomElement(using: &generator)!
            )
            let changes = try #require(new.changes(since: old))
            let (before, after) = (bytes(old, count), bytes(new, count))
            var made = old
            for range in changes.removed {
                #expect(range.allSatisfy { before[Int($0)] != nil && after[Int($0)] == nil })
                made.remove(range)
            }
            for extent in changes.changed {
                #expect(extent.range.allSatisfy { before[Int($0)] != after[Int($0)] })
                made.insert(extent)
            }
            #expect(bytes(made, count) == after)
        }
    }

    /// 64 MiB were written, and then 4 KiB before each snapshot.
    @Test func aSnapshotCostsWhatWasWrittenSinceTheLastOne() throws {
        let guest = Guest(seed: 3, regions: [RAMRegion(id: 3, length: 20 * 64, pageBytes: 64)])
        let store = try #require(guest.makeStore())
        let writer = try guest.writer(scratch.path("a.snap"))
        let bytes = GuestDisk.Bytes()
        let length = 64 << 20
        bytes.all = (0..<length / 8).flatMap { word in
            withUnsafeBytes(of: UInt64(word) &* 0x9E37_79B9_7F4A_7C15) { Array($0) }
        }
        var map = ExtentMap()
        for start in stride(from: 0, to: UInt64(length), by: 8192) {
            // Nothing continues what precedes it.
            map.insert(Extent(range: start..<start + 4096, place: start))
        }
        func append(_ id: UInt64) -> UInt64 {
            guest.snapshot(id, in: store)
            let before = writer.length
            let version = GuestDisk.Version(map, bytes)
            writer.append(
                id, of: store, disks: [DiskState(number: 0, length: UInt64(length), version: version)])
            return writer.length - before
        }
        #expect(append(1) > UInt64(length / 2))
        for id in 2...20 as ClosedRange<UInt64> {
            map.insert(Extent(range: id * 8192..<id * 8192 + 4096, place: UInt64(length) - id * 8192 + 4096))
            #expect(append(id) < 4096 + 4000)
        }
        // What was there before is found by its digest.
        for start in stride(from: 0, to: UInt64(1 << 20), by: 8192) {
            map.insert(Extent(range: start..<start + 4096, place: UInt64(length) - (1 << 20) + start))
        }
        #expect(append(21) < 20_000)
        #expect(append(22) < 2000)
        #expect(writer.failure == nil)
    }
}
