import ReplaySystem

/// The hashes of a region's pages, to find those that have changed.
final class PageHashes {
    private let buffer: RawBuffer
    private let hashes: UnsafeMutablePointer<PageHash>
    private let pageBytes: Int
    private let count: Int

    /// Of the pages as they are now. Nil: memory runs out.
    init?(_ region: RAMRegion, _ memory: RegionMemory) {
        guard let buffer = RawBuffer(count: region.pageCount &* MemoryLayout<PageHash>.stride),
            let start = buffer.start
        else { return nil }
        self.buffer = buffer
        hashes = start.bindMemory(to: PageHash.self, capacity: region.pageCount)
        pageBytes = region.pageBytes
        count = region.pageCount
        note(0..<count, memory)
    }

    private func hash(_ page: Int, _ memory: RegionMemory) -> PageHash {
        PageHash(UnsafeRawBufferPointer(memory.page(UInt32(truncatingIfNeeded: page), pageBytes)))
    }

    /// These pages are clean.
    func note(_ pages: Range<Int>, _ memory: RegionMemory) {
        for page in pages { hashes[page] = hash(page, memory) }
    }

    func collect(_ memory: RegionMemory, _ note: (Int) -> Void) {
        for page in 0..<count {
            let now = hash(page, memory)
            if hashes[page] == now { continue }
            hashes[page] = now
            note(page)
        }
    }
}
