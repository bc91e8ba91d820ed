import CReplay
import Glibc
import ReplaySystem

/// Finds the pages that were written since it was last asked.
///
/// Each region has one of three methods. A host's byte map is the cheapest one. Without it the kernel watches the
/// memory, if it can and the memory belongs to this process alone. Otherwise pages are compared by their hashes.
///
/// Only the thread that runs the machine, or one that has stopped it, uses this.
package final class DirtyPages {
    package enum Method: Equatable, Sendable {
        case map
        case kernel
        case comparison
    }

    private struct Region {
        var memory: RegionMemory
        var map: ByteMap?
        /// Nil: one of the other methods.
        var hashes: PageHashes?

        var range: Range<UInt> {
            let start = UInt(bitPattern: memory.start)
            return start..<start &+ UInt(bitPattern: memory.count)
        }
    }

    private let layout: PageLayout
    private var regions: [Region] = []
    private let kernel: WriteWatch?
    /// What was found or marked, and not given to the caller yet.
    private let found: PageSet
    private let forks = replay_fork_count()

    /// All pages are clean now. In place of a map that the host doesn't have: nil.
    ///
    /// - Parameter asksKernel: false: compares instead.
    package init(
        _ layout: PageLayout, memory: [RegionMemory], maps: [UnsafeMutablePointer<UInt8>?],
        asksKernel: Bool = true, system: Syscalls = Syscalls()
    ) throws(SystemError) {
        guard memory.count == layout.regions.count, maps.count == memory.count,
            zip(memory, layout.regions).allSatisfy({ $0.fits($1) })
        else { throw SystemError(EINVAL) }
        guard let found = PageSet(MemoryBudget(limit: .max), layout) else { throw .noMemory }
        self.layout = layout
        self.found = found
        kernel = asksKernel && maps.contains(nil) ? WriteWatch(system) : nil
        for (index, memory) in memory.enumerated() {
            var region = Region(memory: memory)
            try checkMapping(region, index)
            let pageCount = layout.regions[index].pageCount
            if let map = maps[index] {
                region.map = ByteMap(map, count: pageCount)
                region.map?.clear(0..<pageCount)
            } else if !(kernel?.watch(region.range) ?? false) {
                region.hashes = try makeHashes(region, index)
            }
            regions.append(region)
        }
        if let kernel, !kernel.reset() { try compareWatched() }
    }

    // MARK: What was found

    package func method(_ region: Int) -> Method {
        if regions[region].map != nil { return .map }
        return regions[region].hashes == nil ? .kernel : .comparison
    }

    /// A page that isn't listed was not written, not even with what it had before.
    package var listsEveryWrite: Bool { regions.allSatisfy { $0.hashes == nil } }

    /// Replaces the list by the pages that were written or marked since the last call, in order. All are clean then.
    ///
    /// Throws if a region isn't mapped any more (EFAULT), in a forked child (ECHILD), and if memory runs out. What was
    /// found until then is in the list of the next call.
    package func collect(into pages: inout [PageAddress]) throws(SystemError) {
        pages.removeAll(keepingCapacity: true)
        guard replay_fork_count() == forks else {
            throw SystemError(ECHILD, "the memory of a forked child isn't watched")
        }
        for index in regions.indices { try checkMapping(regions[index], index) }
        if let kernel {
            let isComplete = kernel.collect { note($0) }
            if !isComplete { try compareWatched() }
        }
        for index in regions.indices {
            let region = UInt32(truncatingIfNeeded: index)
            func note(_ page: Int) {
                found.insert(PageAddress(region: region, page: UInt32(truncatingIfNeeded: page)))
            }
            regions[index].map?.collect(note)
            regions[index].hashes?.collect(regions[index].memory, note)
        }
        guard pages.makeRoom(for: found.count) else { throw .noMemory }
        found.forEachRun { first, count in
            for page in 0..<UInt32(truncatingIfNeeded: count) {
                pages.append(PageAddress(region: first.region, page: first.page &+ page))
            }
        }
        found.removeAll()
    }

    /// About how many pages the next call will list. Doesn't change what it lists. Pages that are compared don't
    /// count.
    package var count: Int { estimate.pages }

    /// The same in bytes.
    package var byteCount: Int { estimate.bytes }

    private var estimate: (pages: Int, bytes: Int) {
        guard replay_fork_count() == forks else { return (0, 0) }
        var (pages, bytes) = (0, 0)
        func add(_ count: Int, of size: Int) { (pages, bytes) = (pages &+ count, bytes &+ count &* size) }
        found.forEachRun { first, count in add(count, of: layout.pageBytes(first)) }
        for (region, place) in zip(regions, layout.regions) {
            add(region.map?.written ?? 0, of: place.pageBytes)
        }
        let page = Int(Syscalls.memoryPage)
        kernel?.peek { add($0.count / page, of: page) }
        return (pages, bytes)
    }

    /// The next call lists this page too.
    package func mark(_ address: PageAddress) {
        if layout.contains(address) { found.insert(address) }
    }

    /// These pages were written by the library, with what the store has: they are clean.
    package func clean(_ first: PageAddress, count: Int) {
        guard layout.contains(first), count > 0, replay_fork_count() == forks else { return }
        let index = Int(first.region)
        let region = regions[index]
        let pageBytes = layout.pageBytes(first)
        let pages = Int(first.page)..<min(Int(first.page) &+ count, layout.regions[index].pageCount)
        if let map = region.map {
            map.clear(pages)
        } else if let hashes = region.hashes {
            hashes.note(pages, region.memory)
        } else if let kernel {
            let start = region.range.lowerBound
            let range =
                start
                &+ UInt(pages.lowerBound &* pageBytes)..<min(
                    start &+ UInt(pages.upperBound &* pageBytes), region.range.upperBound)
            // What shares a page of the kernel with them may have been written.
            _ = kernel.collect(range) { note($0) }
        }
        for page in pages {
            found.remove(PageAddress(region: first.region, page: UInt32(truncatingIfNeeded: page)))
        }
    }

    // MARK: The kernel

    /// Notes the pages of all watched regions that have a part in a range of memory.
    private func note(_ written: Range<UInt>) {
        for index in regions.indices where method(index) == .kernel {
            let range = regions[index].range.clamped(to: written)
            guard !range.isEmpty else { continue }
            let pageBytes = UInt(layout.regions[index].pageBytes)
            let start = regions[index].range.lowerBound
            for page in (range.lowerBound &- start) / pageBytes...(range.upperBound &- 1 &- start) / pageBytes
            {
                found.insert(
                    PageAddress(
                        region: UInt32(truncatingIfNeeded: index), page: UInt32(truncatingIfNeeded: page)))
            }
        }
    }

    /// The kernel doesn't watch any more: all pages may have been written. From now on they are compared.
    private func compareWatched() throws(SystemError) {
        for index in regions.indices where method(index) == .kernel {
            note(regions[index].range)
            regions[index].hashes = try makeHashes(regions[index], index)
        }
        kernel?.end()
    }

    private func makeHashes(_ region: Region, _ index: Int) throws(SystemError) -> PageHashes {
        guard let hashes = PageHashes(layout.regions[index], region.memory) else { throw .noMemory }
        return hashes
    }

    private func checkMapping(_ region: Region, _ index: Int) throws(SystemError) {
        guard Syscalls.isMapped(region.range) else {
            throw SystemError(EFAULT, "the memory of RAM region \(index) isn't mapped")
        }
        if let map = region.map, !Syscalls.isMapped(map.range) {
            throw SystemError(EFAULT, "the map of dirty pages of RAM region \(index) isn't mapped")
        }
    }
}
