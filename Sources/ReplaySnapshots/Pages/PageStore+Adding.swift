import ReplayLog
import ReplaySystem

/// Pages that were written since the last ones that the store got, and the snapshot that they lead to.
///
/// Who makes it keeps the memory that it refers to.
package struct PageBatch {
    package var label: SnapshotLabel
    package var addresses: UnsafeBufferPointer<PageAddress>
    /// The pages one after the other, each as long as its region's pages.
    package var pages: UnsafeRawPointer
    /// Pages that contain only zeros.
    package var zeroes: UnsafeBufferPointer<PageAddress>
    package var state: UnsafeRawBufferPointer
    /// A page that isn't in the list was not written, not even with what it had before.
    package var listsEveryWrite: Bool

    package init(
        label: SnapshotLabel, addresses: UnsafeBufferPointer<PageAddress>, pages: UnsafeRawPointer,
        zeroes: UnsafeBufferPointer<PageAddress> = UnsafeBufferPointer(start: nil, count: 0),
        state: UnsafeRawBufferPointer, listsEveryWrite: Bool = true
    ) {
        self.label = label
        self.addresses = addresses
        self.pages = pages
        self.zeroes = zeroes
        self.state = state
        self.listsEveryWrite = listsEveryWrite
    }
}

/// What became of a batch.
package enum AddResult: Equatable, Sendable {
    case added
    /// Its pages are in ``PageStore/latest``, but there is no snapshot: memory ran out.
    case withoutMemory
    /// There is no snapshot, because some pages of ``PageStore/latest`` are lost.
    case incomplete
    /// There is no snapshot, because there is one with that id already.
    case duplicate
}

extension PageStore {
    /// The groups that are put together in one go: some milliseconds.
    private static let mostRepacked = 64

    /// Adds pages, then makes a snapshot.
    package func add(_ batch: PageBatch) -> AddResult {
        if !batch.listsEveryWrite { pendingIsKnown = false }
        var bytes = batch.pages
        for (number, address) in batch.addresses.enumerated() where layout.contains(address) {
            pending.insert(address)
            let content = UnsafeRawBufferPointer(start: bytes, count: layout.pageBytes(address))
            bytes += content.count
            add(address, content, UnsafeBufferPointer(rebasing: batch.addresses[..<number]))
        }
        for address in batch.zeroes where layout.contains(address) {
            pending.insert(address)
            let place = layout.place(address)
            clear(place, atStart: start.version(place))
        }
        close(store.plain, batch.addresses)
        close(store.delta, batch.addresses)
        let result = makeSnapshot(batch.label, batch.state)
        if store.wantsRepacking {
            store.repack(atMost: PageStore.mostRepacked, pageSizes: Set(layout.regions.map(\.pageBytes)))
        }
        return result
    }

    private func add(
        _ address: PageAddress, _ content: UnsafeRawBufferPointer,
        _ before: UnsafeBufferPointer<PageAddress>
    ) {
        let place = layout.place(address)
        let atStart = start.version(place)
        if PageContent.isZero(content) {
            clear(place, atStart: atStart)
            return
        }
        let hash = PageHash(content)
        if atStart != FixedVersion.start && store.versions[atStart].pointee.hash == hash {
            set(place, FixedVersion.start)
            return
        }
        var previous = latest.version(place)
        if previous >= FixedVersion.count && store.versions[previous].pointee.hash == hash { return }
        if store.mustClose(store.plain, before: content.count) { close(store.plain, before) }
        if store.mustClose(store.delta, before: content.count) { close(store.delta, before) }
        // Closing may have lost it.
        previous = latest.version(place)
        if previous == FixedVersion.start { previous = atStart }
        set(place, store.add(content, hash, similarTo: previous) ?? FixedVersion.lost)
    }

    /// The page contains only zeros.
    private func clear(_ place: (leaf: Int, entry: Int), atStart: Version) {
        set(place, atStart == FixedVersion.start ? FixedVersion.start : FixedVersion.zero)
    }

    /// Sets an entry of ``latest``, which gets the caller's reference to the version.
    private func set(_ place: (leaf: Int, entry: Int), _ version: Version) {
        let old = latest.version(place)
        if old == version {
            store.release(version)
            return
        }
        guard let leaf = latest.own(place.leaf) else {
            store.release(version)
            lose(place.leaf)
            return
        }
        leaf.entries[place.entry] = version
        leaf.reference = 0
        if old == FixedVersion.lost { lostCount &-= 1 }
        if version == FixedVersion.lost { lostCount &+= 1 }
        store.release(old)
    }

    /// All pages of a leaf are lost, because there is no memory to change one.
    private func lose(_ index: Int) {
        let count = layout.pages(ofLeaf: index).count
        let already = latest[index].map { leaf in
            (0..<count).count { leaf.entries[$0] == FixedVersion.lost }
        }
        lostCount &+= count &- (already ?? 0)
        latest.replace(index, by: lostLeaf)
    }

    /// Closes a group. If there is no memory for it, its pages, which are among the batch's, are lost.
    private func close(_ open: OpenGroup, _ addresses: UnsafeBufferPointer<PageAddress>) {
        if store.close(open) { return }
        for address in addresses where layout.contains(address) {
            let place = layout.place(address)
            let version = latest.version(place)
            if version >= FixedVersion.count && store.versions[version].pointee.group == open.number {
                set(place, FixedVersion.lost)
            }
        }
        store.abandon(open)
    }

    // MARK: The snapshot

    private func makeSnapshot(_ label: SnapshotLabel, _ state: UnsafeRawBufferPointer) -> AddResult {
        guard find(label.id) == nil else { return .duplicate }
        guard lostCount == 0 else { return .incomplete }
        guard let memory = budget.allocate(state.count) else { return .withoutMemory }
        guard let table = PageTable(leafCount: layout.leafCount, store) else {
            budget.free(memory, state.count)
            return .withoutMemory
        }
        guard snapshots.makeRoom() else {
            table.release()
            budget.free(memory, state.count)
            return .withoutMemory
        }
        if let bytes = state.baseAddress { memory.copyMemory(from: bytes, byteCount: state.count) }
        table.share(latest)
        let index = snapshots.firstIndex { label.place < $0.label.place } ?? snapshots.count
        snapshots.insert(
            Snapshot(
                label: label, table: table, state: memory, stateLength: state.count, written: takePending()),
            at: index)
        restartPending(label.id)
        return .added
    }
}
