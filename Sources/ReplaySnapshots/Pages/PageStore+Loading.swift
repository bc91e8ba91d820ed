import ReplaySystem

/// Pages to load, in the order in which that is cheapest.
final class PageList {
    private let buffer = RawBuffer()
    private(set) var count = 0

    init() {}

    fileprivate struct Entry: BitwiseCopyable {
        var address: PageAddress
        var group: UInt32
    }

    /// False: memory runs out.
    fileprivate func reserve(_ count: Int) -> Bool {
        self.count = 0
        return buffer.reserve(max(count, 1) &* MemoryLayout<Entry>.stride)
    }

    fileprivate var entries: UnsafeMutableBufferPointer<Entry> {
        UnsafeMutableBufferPointer(start: buffer.start?.assumingMemoryBound(to: Entry.self), count: count)
    }

    fileprivate func append(_ entry: Entry) {
        guard let start = buffer.start else { return }
        (start + count &* MemoryLayout<Entry>.stride).storeBytes(of: entry, as: Entry.self)
        count &+= 1
    }

    subscript(_ index: Int) -> PageAddress { entries[index].address }

    /// By group, so that each is decompressed once.
    fileprivate func sort() {
        var entries = entries
        entries.sort {
            ($0.group, $0.address.region, $0.address.page) < ($1.group, $1.address.region, $1.address.page)
        }
    }
}

extension PageStore {
    /// Fills the list with the pages that have to be loaded to go from one place to another: those that differ, and
    /// those that the run has written since. Nil in place of an id: ``latest``.
    ///
    /// False: there is no such snapshot, or memory runs out.
    func list(
        _ list: PageList, from: UInt64?, to: UInt64?, written: UnsafeBufferPointer<PageAddress>
    ) -> Bool {
        var count = written.count
        guard differences(from: from, to: to, { _ in count &+= 1 }), list.reserve(count),
            let table = to == nil ? latest : to.flatMap({ find($0)?.table })
        else { return false }
        func append(_ address: PageAddress) {
            let place = layout.place(address)
            var version = table.version(place)
            if version == FixedVersion.start { version = start.version(place) }
            let group = version < FixedVersion.count ? 0 : store.versions[version].pointee.group
            list.append(PageList.Entry(address: address, group: group))
        }
        _ = differences(from: from, to: to, append)
        for address in written where layout.contains(address) { append(address) }
        list.sort()
        return true
    }
}
