/// Which pages were written between two snapshots.
extension PageStore {
    /// May the run have written that page between two snapshots? Nil in place of the first one: the start.
    ///
    /// True also where that isn't known, or where there is no such snapshot.
    package func mayHaveWritten(_ address: PageAddress, from: UInt64?, to: UInt64) -> Bool {
        guard layout.contains(address) else { return true }
        let place = layout.place(address)
        var limit: SnapshotPlace?
        if let from {
            guard let snapshot = find(from) else { return true }
            limit = snapshot.label.place
        }
        var next = to
        while let snapshot = find(next) {
            if snapshot.written.mayContain(place) { return true }
            guard let base = snapshot.written.base else { return false }
            if let limit, let place = find(base)?.label.place, place <= limit { return false }
            next = base
        }
        return true
    }

    /// The pages that lead to a new snapshot.
    func takePending() -> WrittenPages {
        pendingIsKnown
            ? WrittenPages(base: pendingBase, pending, layout, budget)
            : WrittenPages(unknownFrom: pendingBase)
    }

    /// The run is at a snapshot, or at the start.
    func restartPending(_ base: UInt64?) {
        pending.removeAll()
        pendingIsKnown = true
        pendingBase = base
    }

    /// A snapshot is dropped: the ways from it begin where the way to it has begun.
    func extendWays(past dropped: Snapshot) {
        for index in snapshots.indices where snapshots[index].written.base == dropped.label.id {
            let longer = WrittenPages(dropped.written, then: snapshots[index].written, budget)
            snapshots[index].written.free(budget)
            snapshots[index].written = longer
        }
        guard pendingBase == dropped.label.id else { return }
        if !dropped.written.insert(into: pending) { pendingIsKnown = false }
        pendingBase = dropped.written.base
    }
}
