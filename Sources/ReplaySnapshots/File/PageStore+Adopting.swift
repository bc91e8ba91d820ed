import ReplayLog
import ReplaySystem

/// What became of a snapshot of a file.
package enum AdoptResult: Equatable, Sendable {
    case adopted
    /// Memory ran out, or there is one with that id already.
    case refused
}

/// A page of a snapshot that is in the file, and not among those of the start.
private struct Wanted: BitwiseCopyable {
    var reference: UInt64
    var address: PageAddress
}

extension PageStore {
    /// Makes a snapshot in memory of one in a file. ``latest``, and what was written since, stay as they are.
    ///
    /// The file is of the same layout and start (``SnapshotFileIdentity``). Throws what is wrong with the file.
    package func adopt(_ snapshot: FileSnapshot, from reader: SnapshotFileReader) throws(LogError)
        -> AdoptResult
    {
        guard find(snapshot.label.id) == nil, let table = PageTable(leafCount: layout.leafCount, store) else {
            return .refused
        }
        var isComplete = false
        defer {
            if !isComplete {
                table.release()
                // Without members, they are given up.
                _ = (store.close(store.plain), store.close(store.delta))
            }
        }
        guard try fill(table, snapshot, reader), store.close(store.plain), store.close(store.delta) else {
            return .refused
        }
        let bytes = try reader.state(of: snapshot)
        guard let state = budget.allocate(bytes.count) else { return .refused }
        guard snapshots.makeRoom() else {
            budget.free(state, bytes.count)
            return .refused
        }
        if let from = bytes.baseAddress { state.copyMemory(from: from, byteCount: bytes.count) }
        // It is still in the file, should memory be scarce.
        var label = snapshot.label
        label.isKept = false
        let index = snapshots.firstIndex { label.place < $0.label.place } ?? snapshots.count
        snapshots.insert(
            Snapshot(
                label: label, table: table, state: state, stateLength: bytes.count,
                written: WrittenPages(unknownFrom: nil)),
            at: index)
        isComplete = true
        return .adopted
    }

    /// False: memory ran out.
    private func fill(_ table: PageTable, _ snapshot: FileSnapshot, _ reader: SnapshotFileReader)
        throws(LogError) -> Bool
    {
        let list = RawBuffer()
        var count = 0
        for leaf in 0..<layout.leafCount {
            let pages = layout.pages(ofLeaf: leaf)
            for entry in 0..<pages.count {
                if snapshot.references[leaf &* PageLayout.leafPages &+ entry] > FileReference.zero.bits {
                    count &+= 1
                }
            }
        }
        guard list.reserve(max(count, 1) &* MemoryLayout<Wanted>.stride), let start = list.start else {
            return false
        }
        var wanted = UnsafeMutableBufferPointer(
            start: start.bindMemory(to: Wanted.self, capacity: max(count, 1)), count: count)
        count = 0
        for leaf in 0..<layout.leafCount {
            let pages = layout.pages(ofLeaf: leaf)
            for entry in 0..<pages.count {
                let address = PageAddress(
                    region: pages.first.region, page: pages.first.page &+ UInt32(truncatingIfNeeded: entry))
                let reference = snapshot.reference(address, layout)
                if reference.bits > FileReference.zero.bits {
                    wanted[count] = Wanted(reference: reference.bits, address: address)
                    count &+= 1
                } else if reference == .zero, startVersion(address) != FixedVersion.start {
                    guard put(FixedVersion.zero, address, table) else { return false }
                }
            }
        }
        // So that each record is read once.
        wanted.sort { ($0.reference, $0.address.page) < ($1.reference, $1.address.page) }
        for one in wanted where !(try load(one, table, reader)) { return false }
        return true
    }

    /// The version that a page has at the start.
    private func startVersion(_ address: PageAddress) -> Version { start.version(layout.place(address)) }

    private func load(_ wanted: Wanted, _ table: PageTable, _ reader: SnapshotFileReader) throws(LogError)
        -> Bool
    {
        let size = layout.pageBytes(wanted.address)
        let page = UnsafeMutableRawBufferPointer(rebasing: adoptSpace[..<size])
        try reader.groups.load(FileReference(bits: wanted.reference), wanted.address, into: page)
        let content = UnsafeRawBufferPointer(page)
        let atStart = startVersion(wanted.address)
        if PageContent.isZero(content) {
            return atStart == FixedVersion.start || put(FixedVersion.zero, wanted.address, table)
        }
        let hash = PageHash(content)
        if atStart != FixedVersion.start && store.versions[atStart].pointee.hash == hash { return true }
        for open in [store.plain, store.delta] where store.mustClose(open, before: size) {
            guard store.close(open) else { return false }
        }
        guard let version = store.add(content, hash, similarTo: atStart) else { return false }
        return put(version, wanted.address, table)
    }

    /// Sets an entry, which gets the caller's reference to the version. False: memory ran out.
    private func put(_ version: Version, _ address: PageAddress, _ table: PageTable) -> Bool {
        let place = layout.place(address)
        guard let leaf = table.own(place.leaf) else {
            store.release(version)
            return false
        }
        leaf.entries[place.entry] = version
        return true
    }
}
