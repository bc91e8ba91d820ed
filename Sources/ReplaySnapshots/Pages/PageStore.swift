import ReplayLog
import ReplaySystem

/// Snapshots of the guest's memory: for each, a table from page to version. What several have in common is stored
/// once. One thread at a time uses it (see ``SnapshotWorker``).
///
/// It follows the run: ``latest`` is the memory as of the last pages that were added, or as of the snapshot that the
/// run went back to. If memory runs out, it drops snapshots; if that isn't enough, single pages of ``latest`` are
/// lost, and there is no new snapshot until they are added again.
package final class PageStore {
    package let layout: PageLayout
    package let budget: MemoryBudget
    let store: VersionStore
    let start: PageTable
    var latest: PageTable
    /// Shared by all tables: a leaf whose pages are lost.
    let lostLeaf: Leaf
    /// The pages that were written since ``pendingBase``, the last snapshot on the way (nil: the start).
    let pending: PageSet
    var pendingIsKnown = true
    var pendingBase: UInt64?
    /// What a restore has changed.
    let changed: PageSet
    /// What a restore loads.
    let order = PageList()
    /// Room for a page of a file.
    let adoptSpace: UnsafeMutableRawBufferPointer
    /// In the order of their places.
    var snapshots: [Snapshot] = []
    /// The writer of the file that groups and leaves are known to be in; 0: none.
    var writer: UInt64 = 0
    /// The digest of the memory at the start.
    package private(set) var startDigest: UInt64 = 0
    /// How many pages of ``latest`` are lost.
    package internal(set) var lostCount = 0
    /// The snapshots that were dropped to make room.
    package internal(set) var dropped: UInt64 = 0

    /// Nil: memory runs out, or the budget doesn't suffice for an empty store.
    package init?(_ layout: PageLayout, budget limit: Int, cachedGroups: Int = 8) {
        let budget = MemoryBudget(limit: limit)
        guard
            let store = VersionStore(budget, largestPage: layout.largestPage, cachedGroups: cachedGroups),
            let start = PageTable(leafCount: layout.leafCount, store)
        else { return nil }
        guard let pending = PageSet(budget, layout), let changed = PageSet(budget, layout),
            let space = budget.allocate(layout.largestPage)
        else {
            start.release()
            return nil
        }
        adoptSpace = UnsafeMutableRawBufferPointer(start: space, count: layout.largestPage)
        guard let latest = PageTable(leafCount: layout.leafCount, store) else {
            start.release()
            budget.free(space, layout.largestPage)
            return nil
        }
        guard let lostLeaf = Leaf(budget, all: FixedVersion.lost) else {
            start.release()
            latest.release()
            budget.free(space, layout.largestPage)
            return nil
        }
        self.layout = layout
        self.budget = budget
        self.store = store
        self.start = start
        self.latest = latest
        self.lostLeaf = lostLeaf
        self.pending = pending
        self.changed = changed
        budget.relieve = { [unowned self] in dropOne() }
    }

    deinit {
        budget.relieve = { false }
        while let snapshot = snapshots.popLast() { free(snapshot) }
        latest.release()
        start.release()
        lostLeaf.free(budget)
        budget.free(adoptSpace.baseAddress, adoptSpace.count)
    }

    // MARK: The start

    /// Stores the memory of a region at the start, before anything else. Pages that are zero take no memory.
    ///
    /// Call it for each region, in order. False: memory runs out, and the store can't be used.
    package func addStart(region: Int, _ bytes: UnsafeRawBufferPointer, system: Syscalls = Syscalls()) -> Bool
    {
        guard region < layout.regions.count, let memory = bytes.baseAddress,
            RegionMemory(start: UnsafeMutableRawPointer(mutating: memory), count: bytes.count)
                .fits(layout.regions[region])
        else { return false }
        let start = UInt(bitPattern: memory)
        let pageBytes = layout.regions[region].pageBytes
        var (next, isStored) = (0, true)
        system.forEachPopulated(start..<start &+ UInt(bytes.count)) { populated in
            // A page may be in two parts.
            let first = max(Int(populated.lowerBound &- start) / pageBytes, next)
            next = (Int(populated.upperBound &- start) &+ pageBytes &- 1) / pageBytes
            for page in first..<max(next, first) {
                let offset = page &* pageBytes
                var content = UnsafeRawBufferPointer(
                    start: memory + offset, count: min(pageBytes, bytes.count &- offset))
                if content.count < pageBytes { content = store.padded(content, to: pageBytes) }
                if PageContent.isZero(content) { continue }
                let address = PageAddress(
                    region: UInt32(truncatingIfNeeded: region), page: UInt32(truncatingIfNeeded: page))
                isStored = addStart(address, content)
                if !isStored { return false }
            }
            return true
        }
        return isStored && store.closeForEver(store.plain)
    }

    private func addStart(_ address: PageAddress, _ content: UnsafeRawBufferPointer) -> Bool {
        let hash = PageHash(content)
        startDigest = StartDigest.next(startDigest, address, hash)
        let place = layout.place(address)
        if store.mustClose(store.plain, before: content.count) && !store.closeForEver(store.plain) {
            return false
        }
        guard let leaf = start.own(place.leaf),
            let version = store.add(content, hash, similarTo: FixedVersion.start)
        else { return false }
        leaf.entries[place.entry] = version
        if store.versions[version].pointee.origin == 0 {
            store.versions[version].pointee.origin = FileReference.start(address).bits
        }
        return true
    }

    // MARK: Snapshots

    /// The labels of all snapshots, in the order of their places.
    package var labels: [SnapshotLabel] { snapshots.map(\.label) }

    func find(_ id: UInt64) -> Snapshot? { snapshots.first { $0.label.id == id } }

    /// The last snapshot at or before a place.
    package func nearest(atOrBefore place: SnapshotPlace) -> SnapshotLabel? {
        snapshots.last { $0.label.place <= place }?.label
    }

    /// The engine's and the host's state, as given with the snapshot. Valid until the store changes.
    package func state(of id: UInt64) -> UnsafeRawBufferPointer? { find(id)?.stateBytes }

    /// Changes that state in place. False: there is no such snapshot, or `body` has returned false.
    package func changeState(of id: UInt64, _ body: (UnsafeMutableRawBufferPointer) -> Bool) -> Bool {
        guard let snapshot = find(id) else { return false }
        return body(UnsafeMutableRawBufferPointer(start: snapshot.state, count: snapshot.stateLength))
    }

    /// Copies a page as it is in a snapshot; without an id, as it is in ``latest``.
    ///
    /// False: there is no such snapshot or page, the length is wrong, or memory ran out.
    package func materialize(
        _ address: PageAddress, of id: UInt64?, into target: UnsafeMutableRawBufferPointer
    ) -> Bool {
        guard layout.contains(address), target.count == layout.pageBytes(address), let table = table(id)
        else { return false }
        let place = layout.place(address)
        var version = table.version(place)
        if version == FixedVersion.start { version = start.version(place) }
        switch version {
        case FixedVersion.start, FixedVersion.zero:
            PageContent.clear(target)
            return true
        default: return store.load(version, into: target)
        }
    }

    /// The pages whose content differs between two snapshots; nil in place of one: ``latest``.
    ///
    /// False: there is no such snapshot.
    package func differences(from: UInt64?, to: UInt64?, _ body: (PageAddress) -> Void) -> Bool {
        guard let one = table(from), let other = table(to) else { return false }
        for index in 0..<layout.leafCount {
            let (a, b) = (one[index], other[index])
            if a?.identity == b?.identity { continue }
            let pages = layout.pages(ofLeaf: index)
            for entry in 0..<pages.count
            where (a?.entries[entry] ?? FixedVersion.start) != (b?.entries[entry] ?? FixedVersion.start) {
                body(
                    PageAddress(
                        region: pages.first.region,
                        page: pages.first.page &+ UInt32(truncatingIfNeeded: entry)))
            }
        }
        return true
    }

    /// The run has gone back or forward to a snapshot: what is added next changes that memory. This needs no memory.
    package func follow(_ id: UInt64) -> Bool {
        guard let snapshot = find(id) else { return false }
        latest.share(snapshot.table)
        lostCount = 0
        restartPending(id)
        return true
    }

    /// The run begins again.
    package func followStart() {
        for index in 0..<layout.leafCount { latest.clear(index) }
        lostCount = 0
        restartPending(nil)
    }

    /// The pages of ``latest`` that are lost: the caller adds them with the next ones.
    package func lostPages(_ body: (PageAddress) -> Void) {
        guard lostCount > 0 else { return }
        for index in 0..<layout.leafCount {
            guard let leaf = latest[index] else { continue }
            let pages = layout.pages(ofLeaf: index)
            for entry in 0..<pages.count where leaf.entries[entry] == FixedVersion.lost {
                body(
                    PageAddress(
                        region: pages.first.region,
                        page: pages.first.page &+ UInt32(truncatingIfNeeded: entry)))
            }
        }
    }

    /// No group and no leaf is in a file.
    func forgetFile() {
        for number in store.groups.reserved..<store.groups.count {
            store.groups[UInt32(truncatingIfNeeded: number)].pointee.record = 0
        }
        for table in [latest] + snapshots.map(\.table) {
            for index in 0..<layout.leafCount { table[index]?.reference = 0 }
        }
    }

    private func table(_ id: UInt64?) -> PageTable? {
        guard let id else { return latest }
        return find(id)?.table
    }
}

extension PageStore {
    /// Copies a page as it is at the start. False: there is no such page, or the length is wrong.
    package func loadStart(_ address: PageAddress, into target: UnsafeMutableRawBufferPointer) -> Bool {
        guard layout.contains(address), target.count == layout.pageBytes(address) else { return false }
        let version = start.version(layout.place(address))
        guard version != FixedVersion.start else {
            PageContent.clear(target)
            return true
        }
        return store.load(version, into: target)
    }
}
