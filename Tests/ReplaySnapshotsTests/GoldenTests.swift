import ReplayLog
import TestSupport
import Testing

@testable import ReplaySnapshots

@Suite struct GoldenTests {
    let scratch = Scratch()

    private func digest(_ memory: [[UInt8]]) -> UInt64 {
        memory.flatMap { $0 }.withUnsafeBytes { Checksum.xxh3($0) }
    }

    @Test func format1IsReadForEver() throws {
        let guest = Guest(
            seed: 77,
            regions: [
                RAMRegion(id: 3, length: 20 * 64, pageBytes: 64),
                RAMRegion(id: 5, length: 256, pageBytes: 128),
            ], disks: [900, 300])
        #expect(digest(guest.start) == Golden.start)
        let path = scratch.path("a.snap")
        Files.write(path, Golden.format1)
        let reader = try guest.reader(path)
        #expect(reader.labels.map(\.id) == Golden.snapshots.map(\.id) && !reader.hasDamage)
        for (id, memory, disks) in Golden.snapshots {
            let snapshot = try #require(try reader.open(id))
            #expect(digest(try guest.materialized(snapshot, from: reader)) == memory)
            let found = try zip(guest.disks, reader.disks(of: snapshot)).map { disk, found in
                digest([try disk.content(of: found, from: reader).map { $0 ?? 0xEE }])
            }
            #expect(found == disks)
        }
    }
}
