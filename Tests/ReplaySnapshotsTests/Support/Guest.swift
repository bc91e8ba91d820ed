import TestSupport

@testable import ReplaySnapshots

/// A machine with some memory, whose pages are written at random, and plain copies of it.
final class Guest {
    let regions: [RAMRegion]
    let layout: PageLayout
    /// One piece of memory for each region, which stays where it is.
    let memory: [UnsafeMutableRawBufferPointer]
    private(set) var dirty: Set<PageAddress> = []
    var generator: SeededGenerator
    /// The memory as it was, by snapshot.
    var copies: [UInt64: [[UInt8]]] = [:]
    let start: [[UInt8]]
    /// They are written to before each snapshot.
    let disks: [GuestDisk]

    init(seed: UInt64, regions: [RAMRegion] = Guest.small, disks lengths: [Int] = []) {
        disks = lengths.enumerated().map { GuestDisk(UInt64($0.offset) * 3, $0.element) }
        generator = SeededGenerator(seed: seed)
        self.regions = regions
        layout = PageLayout(regions)!
        memory = regions.map { .allocate(byteCount: Int($0.length), alignment: 64) }
        for (region, bytes) in zip(regions, memory) {
            bytes.initializeMemory(as: UInt8.self, repeating: 0)
            for page in 0..<region.pageCount where page % 3 == 0 {
                for offset in 0..<region.pageBytes {
                    bytes[page * region.pageBytes + offset] = UInt8(
                        truncatingIfNeeded: page / 6 &* 31 &+ offset / 5)
                }
            }
        }
        start = memory.map { Array($0) }
    }

    deinit {
        for bytes in memory { bytes.deallocate() }
    }

    static let small = [
        RAMRegion(id: 7, length: 300 * 64, pageBytes: 64), RAMRegion(id: 9, length: 40 * 256, pageBytes: 256),
        RAMRegion(id: 1, length: 1 * 64, pageBytes: 64),
    ]

    var regionMemory: [RegionMemory] {
        memory.map { RegionMemory(start: $0.baseAddress!, count: $0.count) }
    }

    var current: [[UInt8]] { memory.map { Array($0) } }

    func bytes(_ address: PageAddress) -> UnsafeMutableRawBufferPointer {
        let size = layout.pageBytes(address)
        let first = Int(address.page) * size
        return UnsafeMutableRawBufferPointer(rebasing: memory[Int(address.region)][first..<first + size])
    }

    func page(_ address: PageAddress, of copy: [[UInt8]]) -> ArraySlice<UInt8> {
        let size = layout.pageBytes(address)
        return copy[Int(address.region)][Int(address.page) * size..<(Int(address.page) + 1) * size]
    }

    var allPages: [PageAddress] {
        regions.indices.flatMap { region in
            (0..<regions[region].pageCount).map { PageAddress(region: UInt32(region), page: UInt32($0)) }
        }
    }

    /// Writes to some pages: a word, everything, zeros, what a different page has, what it had at the start, nothing.
    func run(writes: Int) {
        for _ in 0..<writes {
            let region = Int.random(in: 0..<regions.count, using: &generator)
            let near = Int.random(in: 1...regions[region].pageCount, using: &generator)
            let page = Int.random(in: 0..<near, using: &generator)
            let address = PageAddress(region: UInt32(region), page: UInt32(page))
            let target = bytes(address)
            switch Int.random(in: 0..<10, using: &generator) {
            case 0: target.initializeMemory(as: UInt8.self, repeating: 0)
            case 1:
                for index in target.indices { target[index] = UInt8.random(in: 0...255, using: &generator) }
            case 2:
                let other = Int.random(in: 0..<regions[region].pageCount, using: &generator)
                let source = bytes(PageAddress(region: UInt32(region), page: UInt32(other)))
                target.copyBytes(from: Array(source))
            case 3: target.copyBytes(from: self.page(address, of: start))
            case 4: break
            default:
                let place = Int.random(in: 0..<target.count / 8, using: &generator) * 8
                target.storeBytes(of: generator.next(), toByteOffset: place, as: UInt64.self)
            }
            dirty.insert(address)
        }
    }

    /// The dirty pages in order; they are clean then.
    func takeDirty() -> [PageAddress] {
        defer { dirty = [] }
        return dirty.sorted { ($0.region, $0.page) < ($1.region, $1.page) }
    }

    func markDirty(_ address: PageAddress) { dirty.insert(address) }

    /// Goes back to a copy, as a seek does.
    func load(_ copy: [[UInt8]]) {
        for (target, source) in zip(memory, copy) { target.copyBytes(from: source) }
        dirty = []
    }

    func makeStore(budget: Int = 1 << 30) -> PageStore? {
        guard let store = PageStore(layout, budget: budget) else { return nil }
        for region in regions.indices
        where !store.addStart(region: region, UnsafeRawBufferPointer(memory[region])) { return nil }
        return store
    }

    /// Adds the dirty pages, and a snapshot.
    @discardableResult
    func snapshot(
        _ id: UInt64, in store: PageStore, work: UInt64? = nil, isKept: Bool = false,
        listsEveryWrite: Bool = true
    ) -> AddResult {
        store.lostPages { markDirty($0) }
        let addresses = takeDirty()
        var pages = addresses.flatMap { Array(bytes($0)) }
        pages.append(0)
        let state = withUnsafeBytes(of: id) { Array($0) }
        let label = SnapshotLabel(
            id: id, place: SnapshotPlace(icount: id, event: 0), work: work ?? id, isKept: isKept)
        let result = addresses.withUnsafeBufferPointer { addresses in
            pages.withUnsafeBytes { pages in
                state.withUnsafeBytes { state in
                    store.add(
                        PageBatch(
                            label: label, addresses: addresses, pages: pages.baseAddress!, state: state,
                            listsEveryWrite: listsEveryWrite))
                }
            }
        }
        if result == .added { copies[id] = current }
        return result
    }

    /// The memory as the store has it; nil: something can't be had.
    func materialized(_ id: UInt64?, from store: PageStore) -> [[UInt8]]? {
        var copy = regions.map { [UInt8](repeating: 0xEE, count: Int($0.length)) }
        for address in allPages {
            let size = layout.pageBytes(address)
            let first = Int(address.page) * size
            let done = copy[Int(address.region)].withUnsafeMutableBytes {
                store.materialize(
                    address, of: id, into: UnsafeMutableRawBufferPointer(rebasing: $0[first..<first + size]))
            }
            if !done { return nil }
        }
        return copy
    }

    /// The pages in which two copies differ.
    func differences(_ one: [[UInt8]], _ other: [[UInt8]]) -> [PageAddress] {
        allPages.filter { page($0, of: one) != page($0, of: other) }
    }
}
