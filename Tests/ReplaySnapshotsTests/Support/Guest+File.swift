import ReplayLog
import ReplaySystem

@testable import ReplaySnapshots

extension Guest {
    var identity: SnapshotFileIdentity {
        SnapshotFileIdentity(
            logMetadata: 11, fingerprint: 22, startDigest: makeDigest(), regions: regions)
    }

    private func makeDigest() -> UInt64 {
        var digest: UInt64 = 0
        for address in allPages {
            page(address, of: start).withUnsafeBytes {
                if !PageContent.isZero($0) { digest = StartDigest.next(digest, address, PageHash($0)) }
            }
        }
        return digest
    }

    /// A page at the start.
    func loadStart(_ address: PageAddress, _ target: UnsafeMutableRawBufferPointer) -> Bool {
        guard layout.contains(address), layout.pageBytes(address) == target.count else { return false }
        target.copyBytes(from: page(address, of: start))
        return true
    }

    func writer(_ path: String, faults: SyscallFaults? = nil) throws(LogError) -> SnapshotFileWriter {
        try SnapshotFileWriter(path: path, identity: identity, system: Syscalls(faults: faults))
    }

    func reader(_ path: String, faults: SyscallFaults? = nil) throws(LogError) -> SnapshotFileReader {
        try SnapshotFileReader(
            path: path, identity: identity, cachedGroups: 2, system: Syscalls(faults: faults),
            start: { [self] in loadStart($0, $1) })
    }

    /// Runs and writes a snapshot after each piece. Returns where the file ends after each.
    @discardableResult
    func write(
        _ ids: ClosedRange<UInt64>, _ writes: ClosedRange<Int>, to writer: SnapshotFileWriter,
        _ store: PageStore
    ) -> [(id: UInt64, end: UInt64)] {
        var ends: [(id: UInt64, end: UInt64)] = []
        for id in ids {
            run(writes: Int.random(in: writes, using: &generator))
            snapshot(id, in: store)
            for disk in disks { disk.run(id, &generator) }
            writer.append(id, of: store, disks: disks.map(\.state))
            ends.append((id, writer.length))
        }
        return ends
    }

    /// What is wrong with what a reader gives; empty: all its snapshots are right or, if `mayBeDamaged`, reported.
    func check(_ reader: SnapshotFileReader, mayBeDamaged: Bool = false) -> [String] {
        var found: [String] = []
        for label in reader.labels {
            do throws(LogError) {
                guard let snapshot = try reader.open(label.id) else {
                    found.append("snapshot \(label.id) can't be found")
                    continue
                }
                guard let copy = copies[label.id] else {
                    found.append("snapshot \(label.id) was never made")
                    continue
                }
                if try materialized(snapshot, from: reader) != copy {
                    found.append("snapshot \(label.id) is different")
                }
                for disk in try differentDisks(snapshot, from: reader) {
                    found.append("disk \(disk) of snapshot \(label.id) is different")
                }
                let state = try reader.state(of: snapshot)
                if !state.elementsEqual(withUnsafeBytes(of: label.id) { Array($0) }) {
                    found.append("the state of snapshot \(label.id) is different")
                }
            } catch {
                if !mayBeDamaged || error.code != .damaged { found.append("snapshot \(label.id): \(error)") }
            }
        }
        return found
    }

    private func differentDisks(_ snapshot: FileSnapshot, from reader: SnapshotFileReader) throws(LogError)
        -> [UInt64]
    {
        let found = try reader.disks(of: snapshot)
        if found.count != disks.count { return [.max] }
        var different: [UInt64] = []
        for (disk, found) in zip(disks, found) {
            let content = try disk.content(of: found, from: reader)
            if content != disk.copies[snapshot.label.id] { different.append(disk.number) }
        }
        return different
    }

    func materialized(_ snapshot: FileSnapshot, from reader: SnapshotFileReader) throws(LogError) -> [[UInt8]]
    {
        var copy = regions.map { [UInt8](repeating: 0xEE, count: Int($0.length)) }
        let page = UnsafeMutableRawBufferPointer.allocate(byteCount: layout.largestPage, alignment: 64)
        defer { page.deallocate() }
        for address in allPages {
            let size = layout.pageBytes(address)
            let target = UnsafeMutableRawBufferPointer(rebasing: page[..<size])
            try reader.materialize(address, of: snapshot, into: target)
            let first = Int(address.page) * size
            copy[Int(address.region)].replaceSubrange(first..<first + size, with: target)
        }
        return copy
    }
}
