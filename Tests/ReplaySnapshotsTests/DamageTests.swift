import Glibc
import ReplayLog
import ReplaySystem
import TestSupport
import Testing

@testable import ReplaySnapshots

@Suite struct DamageTests {
    let scratch = Scratch()

    private func make(_ guest: Guest, _ ids: ClosedRange<UInt64>, _ writes: ClosedRange<Int>) throws -> (
        bytes: [UInt8], ends: [(id: UInt64, end: UInt64)]
    ) {
        let path = scratch.path("whole.snap")
        let store = try #require(guest.makeStore())
        let writer = try guest.writer(path)
        let ends = guest.write(ids, writes, to: writer, store)
        #expect(writer.failure == nil)
        return (try #require(Files.read(path)), ends)
    }

    private static let tiny = [RAMRegion(id: 3, length: 20 * 64, pageBytes: 64)]

    @Test func aStoreThatIsCutAnywhereHasItsWholeSnapshots() throws {
        let guest = Guest(seed: 1, regions: DamageTests.tiny, disks: [700, 300])
        let (bytes, ends) = try make(guest, 1...5, 3...8)
        let path = scratch.path("cut.snap")
        let header = SnapshotFileHeader(identity: guest.identity).size
        for length in 0...bytes.count {
            Files.write(path, bytes[..<length])
            guard length >= header else {
                do throws(LogError) {
                    _ = try guest.reader(path)
                    Issue.record("read \(length) bytes")
                } catch { #expect([.empty, .damaged, .notALog].contains(error.code)) }
                continue
            }
            let reader = try guest.reader(path)
            let whole = ends.filter { $0.end <= UInt64(length) }.map(\.id)
            #expect(reader.labels.map(\.id) == whole, "\(length) bytes")
            #expect(guest.check(reader) == [], "\(length) bytes")
        }
    }

    @Test func aStoreThatWasCutAnywhereIsContinued() throws {
        let guest = Guest(seed: 2, regions: DamageTests.tiny, disks: [700, 300])
        let (bytes, ends) = try make(guest, 1...3, 3...6)
        let path = scratch.path("cut.snap")
        for length in 0...bytes.count {
            Files.write(path, bytes[..<length])
            guest.load(guest.start)
            let store = try #require(guest.makeStore())
            let writer = try guest.writer(path)
            guest.write(11...12, 3...6, to: writer, store)
            let reader = try guest.reader(path)
            let whole = ends.filter { $0.end <= UInt64(length) }.map(\.id)
            #expect(reader.labels.map(\.id) == whole + [11, 12], "\(length) bytes")
            #expect(guest.check(reader) == [] && !reader.hasDamage, "\(length) bytes")
        }
    }

    /// A reader sees each length, as if the writer were slow.
    @Test func aReaderWaitsForARecordThatIsIncomplete() throws {
        let guest = Guest(seed: 3, regions: DamageTests.tiny, disks: [700, 300])
        let (bytes, ends) = try make(guest, 1...4, 3...6)
        let path = scratch.path("slow.snap")
        let header = SnapshotFileHeader(identity: guest.identity).size
        Files.write(path, bytes[..<header])
        let reader = try guest.reader(path)
        for length in header...bytes.count {
            Files.write(path, bytes[..<length])
            try reader.refresh()
            #expect(reader.labels.map(\.id) == ends.filter { $0.end <= UInt64(length) }.map(\.id))
        }
        #expect(guest.check(reader) == [] && !reader.hasDamage)
    }

    @Test(arguments: [0x01, 0x80, 0xFF] as [UInt8])
    func eachChangedByteDropsOrReportsSnapshotsAndNothingElse(mask: UInt8) throws {
        let guest = Guest(seed: 4, regions: DamageTests.tiny, disks: [700, 300])
        let (bytes, ends) = try make(guest, 1...4, 3...8)
        let path = scratch.path("flip.snap")
        let header = SnapshotFileHeader(identity: guest.identity).size
        Files.write(path, bytes)
        for offset in bytes.indices {
            Files.poke(path, offset, bytes[offset] ^ mask)
            defer { Files.poke(path, offset, bytes[offset]) }
            do throws(LogError) {
                let reader = try guest.reader(path)
                #expect(offset >= header, "byte \(offset)")
                #expect(guest.check(reader, mayBeDamaged: true) == [], "byte \(offset)")
                #expect(reader.hasDamage, "byte \(offset)")
                // The snapshots before the damage aren't affected.
                let before = ends.filter { $0.end <= UInt64(offset) }.map(\.id)
                #expect(Array(reader.labels.map(\.id).prefix(before.count)) == before, "byte \(offset)")
                #expect(reader.labels.count < ends.count, "byte \(offset)")
            } catch {
                #expect(offset < header && [.damaged, .notALog, .version].contains(error.code), "\(error)")
            }
        }
    }

    @Test func aThousandChangesOfALargeStoreAreFound() throws {
        let guest = Guest(seed: 5, disks: [100_000, 9000])
        let (bytes, ends) = try make(guest, 1...20, 10...60)
        let path = scratch.path("large.snap")
        Files.write(path, bytes)
        let header = SnapshotFileHeader(identity: guest.identity).size
        var survivors = 0
        for _ in 0..<1000 {
            let offset = Int.random(in: header..<bytes.count, using: &guest.generator)
            let byte = UInt8.random(in: 0...255, using: &guest.generator)
            Files.poke(path, offset, byte)
            defer { Files.poke(path, offset, bytes[offset]) }
            let reader = try guest.reader(path)
            try reader.verify()
            #expect(reader.hasDamage == (byte != bytes[offset]), "byte \(offset)")
            #expect((reader.labels.count < ends.count) == (byte != bytes[offset]), "byte \(offset)")
            survivors += reader.labels.count
            // One in a hundred completely: verifying has checked each hash.
            if offset % 100 == 0 { #expect(guest.check(reader) == []) }
        }
        #expect(survivors > 1000 * ends.count / 10)
    }

    /// In the long tier there are many more.
    private static let rounds =
        getenv("REPLAY_DAMAGED_STORES").flatMap { Int(String(cString: $0)) } ?? 1500

    /// Records whose checksums are right, with nonsense in them, in a different order, twice or not at all.
    @Test func nonsenseWithChecksumsIsDamage() throws {
        let guest = Guest(seed: 6, regions: DamageTests.tiny, disks: [700, 300])
        let (bytes, _) = try make(guest, 1...3, 3...8)
        let path = scratch.path("nonsense.snap")
        let header = SnapshotFileHeader(identity: guest.identity)
        for round in 0..<DamageTests.rounds {
            var file = header.encoded()
            var records: [[UInt8]] = []
            var place = header.size
            while place < bytes.count {
                let record = bytes[place..<place + RecordHeader.size].withUnsafeBytes {
                    RecordHeader(decoding: $0)
                }
                var new = try #require(record)
                let end = place + RecordHeader.size + Int(new.storedLength)
                var payload = Array(bytes[place + RecordHeader.size..<end])
                place = end
                if Int.random(in: 0..<4, using: &guest.generator) == 0 {
                    for _ in 0..<Int.random(in: 1...4, using: &guest.generator) where !payload.isEmpty {
                        let offset = Int.random(in: 0..<payload.count, using: &guest.generator)
                        payload[offset] = [0, 1, 2, 0x7F, 0x80, 0xFF].randomElement(using: &guest.generator)!
                    }
                    if round % 3 == 0 {
                        payload.removeLast(
                            Int.random(in: 0...min(payload.count, 30), using: &guest.generator))
                        new.storedLength = UInt32(payload.count)
                        if new.codec == .stored { new.rawLength = new.storedLength }
                    }
                    if round % 7 == 0 {
                        new.kind = RecordHeader.Kind.allCases.randomElement(using: &guest.generator)!
                    }
                    if round % 11 == 0 {
                        new.rawLength = UInt32.random(in: 0...5000, using: &guest.generator)
                    }
                }
                new.payloadChecksum = payload.withUnsafeBytes { Checksum.xxh3($0) }
                records.append(new.encoded() + payload)
            }
            if round % 5 == 0 {
                let (one, other) = (
                    Int.random(in: records.indices, using: &guest.generator),
                    Int.random(in: records.indices, using: &guest.generator)
                )
                switch round % 3 {
                case 0: records.swapAt(one, other)
                case 1: records.insert(records[one], at: other)
                default: records.remove(at: one)
                }
            }
            file += records.joined()
            if round % 13 == 0 { file.removeLast(Int.random(in: 0...200, using: &guest.generator)) }
            Files.write(path, file)
            let reader = try guest.reader(path)
            for label in reader.labels {
                do throws(LogError) {
                    if let snapshot = try reader.open(label.id) {
                        _ = try guest.materialized(snapshot, from: reader)
                        for disk in try reader.disks(of: snapshot) where disk.length < 10_000 {
                            _ = try guest.disks[0].content(of: disk, from: reader)
                        }
                    }
                } catch { #expect(error.code == .damaged, "\(error)") }
            }
        }
    }
}
