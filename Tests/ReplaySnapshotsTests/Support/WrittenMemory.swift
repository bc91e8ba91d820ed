import Glibc
import ReplaySystem
import Synchronization
import TestSupport

@testable import ReplaySnapshots

/// Regions of memory of several kinds, whose pages are written at random, and what a finder of dirty pages has to find.
final class WrittenMemory {
    enum Kind: CaseIterable {
        /// Whole pages of the kernel's, this process's own.
        case own
        /// The same, with a byte map.
        case mapped
        case shared
        /// From malloc(), at an odd address.
        case unaligned
        /// In one page of the kernel's together with the region before it.
        case neighbour
    }

    let regions: [RAMRegion]
    let layout: PageLayout
    let memory: [RegionMemory]
    let kinds: [Kind]
    var maps: [UnsafeMutablePointer<UInt8>?]
    var generator: SeededGenerator
    /// The bytes that were written, as addresses.
    private(set) var written: [UInt] = []
    private static let places = Atomic<UInt>(0)
    private var unmaps: [(UnsafeMutableRawPointer, Int)] = []
    private var frees: [UnsafeMutableRawPointer] = []

    init(seed: UInt64, _ parts: [(kind: Kind, bytes: Int, page: Int)]) {
        generator = SeededGenerator(seed: seed)
        var regions: [RAMRegion] = []
        var memory: [RegionMemory] = []
        for (index, part) in parts.enumerated() {
            regions.append(
                RAMRegion(id: UInt32(index), byteCount: UInt64(part.bytes), pageBytes: part.page))
            let start: UnsafeMutableRawPointer
            switch part.kind {
            case .own, .mapped, .shared:
                let sharing = part.kind == .shared ? MAP_SHARED : MAP_PRIVATE
                // Room for a neighbour.
                let length = part.bytes + 8192
                // Where nothing else is put, should the test unmap it.
                let place = WrittenMemory.places.add(1, ordering: .relaxed).newValue << 26
                let hint = UnsafeMutableRawPointer(bitPattern: (1 << 36) + place)
                start = mmap(hint, length, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0)!
                unmaps.append((start, length))
            case .unaligned:
                start = malloc(part.bytes + 64)! + 17
                frees.append(start - 17)
                memset(start, 3, part.bytes)
            case .neighbour: start = memory[index - 1].start + memory[index - 1].count
            }
            memory.append(RegionMemory(start: start, count: part.bytes))
        }
        self.regions = regions
        self.memory = memory
        kinds = parts.map(\.kind)
        layout = PageLayout(regions)!
        maps = zip(parts, regions).map { part, region in
            guard part.kind == .mapped else { return nil }
            let map = UnsafeMutablePointer<UInt8>.allocate(capacity: region.pageCount)
            map.initialize(repeating: 0xFF, count: region.pageCount)
            return map
        }
    }

    deinit {
        for (start, length) in unmaps { munmap(start, length) }
        for start in frees { free(start) }
        for map in maps { map?.deallocate() }
    }

    func finder(asksKernel: Bool = true, faults: SyscallFaults? = nil) throws(SystemError) -> DirtyPages {
        try DirtyPages(
            layout, memory: memory, maps: maps, asksKernel: asksKernel, system: Syscalls(faults: faults))
    }

    func write(_ region: Int, _ offset: Int) {
        let byte = (memory[region].start + offset).assumingMemoryBound(to: UInt8.self)
        byte.pointee = byte.pointee &+ UInt8.random(in: 1...5, using: &generator)
        maps[region]?[offset / regions[region].pageBytes] = 0xFF
        written.append(UInt(bitPattern: byte))
    }

    func write(_ count: Int) {
        for _ in 0..<count {
            let region = Int.random(in: 0..<regions.count, using: &generator)
            let near = Int.random(in: 1...memory[region].count, using: &generator)
            write(region, Int.random(in: 0..<near, using: &generator))
        }
    }

    /// The pages that may be found, and those that must be. Nothing is written then.
    func takeWritten(_ finder: DirtyPages) -> (must: Set<PageAddress>, may: Set<PageAddress>) {
        var (must, may): (Set<PageAddress>, Set<PageAddress>) = ([], [])
        for index in regions.indices {
            let start = UInt(bitPattern: memory[index].start)
            let range = start..<start + UInt(memory[index].count)
            func pages(_ part: Range<UInt>) -> Set<PageAddress> {
                let part = part.clamped(to: range)
                guard !part.isEmpty else { return [] }
                let size = UInt(regions[index].pageBytes)
                return Set(
                    ((part.lowerBound - start) / size...(part.upperBound - 1 - start) / size).map {
                        PageAddress(region: UInt32(index), page: UInt32($0))
                    })
            }
            for address in written { must.formUnion(pages(address..<address + 1)) }
            guard finder.method(index) == .kernel else { continue }
            for address in written { may.formUnion(pages(Syscalls.wholePages(address..<address + 1))) }
            // Others write to what is beside the region.
            let whole = Syscalls.wholePages(range)
            if whole.lowerBound < range.lowerBound {
                may.formUnion(pages(whole.lowerBound..<whole.lowerBound + 4096))
            }
            if whole.upperBound > range.upperBound {
                may.formUnion(pages(whole.upperBound - 4096..<whole.upperBound))
            }
        }
        written = []
        return (must, may.union(must))
    }
}
