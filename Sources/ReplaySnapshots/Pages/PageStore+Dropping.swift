import ReplaySystem

extension PageStore {
    /// Releases what only this snapshot refers to. False: there is no such snapshot.
    @discardableResult
    package func drop(_ id: UInt64) -> Bool {
        guard let index = snapshots.firstIndex(where: { $0.label.id == id }) else { return false }
        remove(index)
        return true
    }

    private func remove(_ index: Int) {
        let snapshot = snapshots.remove(at: index)
        extendWays(past: snapshot)
        free(snapshot)
    }

    func free(_ snapshot: Snapshot) {
        snapshot.written.free(budget)
        snapshot.table.release()
        budget.free(snapshot.state, snapshot.stateLength)
    }

    /// Drops the snapshot that makes the shortest gap, the earliest of several. If all are equally far apart, that is
    /// every second one, from the oldest on. The last one is the last to go.
    ///
    /// False: there is none that may be dropped.
    func dropOne() -> Bool {
        var best: (index: Int, gap: UInt64)?
        for (index, snapshot) in snapshots.enumerated() where !snapshot.label.isKept {
            let before = index > 0 ? snapshots[index - 1].label.work : 0
            let after = index + 1 < snapshots.count ? snapshots[index + 1].label.work : UInt64.max
            let gap = after > before ? after &- before : 0
            if best.map({ gap < $0.gap }) ?? true { best = (index, gap) }
        }
        guard let best else { return false }
        remove(best.index)
        dropped &+= 1
        return true
    }
}
