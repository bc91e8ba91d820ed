import Glibc

/// What became of a restore.
package enum RestoreResult: Equatable, Sendable {
    /// The memory is as in the snapshot. So many pages were written.
    case restored(pages: Int)
    /// There is no such snapshot, or no such memory. Nothing was written.
    case missing
    /// A page of the store can't be loaded. Those that were written before it are reported, and differ from
    /// ``PageStore/latest`` now.
    case failed(PageAddress)
}

extension PageStore {
    /// Makes the machine's memory as it is in a snapshot, and follows that (``follow(_:)``). It needs no memory.
    ///
    /// - Parameters:
    ///   - written: the pages that the run has written since the last ones that were added.
    ///   - memory: all regions.
    ///   - loaded: called at the end for each run of pages that have changed: the first one, and how many.
    package func restore(
        _ id: UInt64, written: UnsafeBufferPointer<PageAddress>, memory: [RegionMemory],
        loaded: (PageAddress, Int) -> Void
    ) -> RestoreResult {
        guard let snapshot = find(id), memory.count == layout.regions.count,
            zip(memory, layout.regions).allSatisfy({ $0.fits($1) })
        else { return .missing }
        changed.removeAll()
        var count = 0
        var failure: PageAddress?
        func load(_ address: PageAddress) {
            guard failure == nil else { return }
            let bytes = memory[Int(address.region)].page(address.page, layout.pageBytes(address))
            switch self.load(address, of: snapshot.table, into: bytes) {
            case nil: failure = address
            case true?:
                changed.insert(address)
                count &+= 1
            case false?: break
            }
        }
        if list(order, from: nil, to: id, written: written) {
            for index in 0..<order.count { load(order[index]) }
        } else {
            // Without memory, in any order.
            _ = differences(from: nil, to: id, load)
            for address in written where layout.contains(address) { load(address) }
        }
        changed.forEachRun(loaded)
        if let failure { return .failed(failure) }
        _ = follow(id)
        return .restored(pages: count)
    }

    /// Returns whether the page has changed; nil: it can't be loaded.
    private func load(_ address: PageAddress, of table: PageTable, into target: UnsafeMutableRawBufferPointer)
        -> Bool?
    {
        let place = layout.place(address)
        var version = table.version(place)
        if version == FixedVersion.start { version = start.version(place) }
        let page = store.pageSpace(layout.pageBytes(address))
        guard let to = target.baseAddress, let from = page.baseAddress else { return false }
        if version < FixedVersion.count {
            if PageContent.isZero(UnsafeRawBufferPointer(target)) { return false }
            PageContent.clear(target)
            return true
        }
        guard store.load(version, into: page) else { return nil }
        if memcmp(to, from, target.count) == 0 { return false }
        to.copyMemory(from: from, byteCount: target.count)
        return true
    }
}
