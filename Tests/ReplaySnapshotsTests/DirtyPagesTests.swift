import Glibc
import ReplaySystem
import TestSupport
import Testing

@testable import ReplaySnapshots

@Suite struct DirtyPagesTests {
    typealias Part = (kind: WrittenMemory.Kind, bytes: Int, page: Int)
    static let machines: [[Part]] = [
        [(.own, 1 << 20, 4096)], [(.mapped, 1 << 20, 4096)], [(.shared, 1 << 20, 4096)],
        [(.unaligned, 2304, 512)], [(.unaligned, 2304, 64)], [(.own, 2304, 256), (.neighbour, 5000, 64)],
        [(.own, 1 << 20, 65536), (.mapped, 1000, 64), (.unaligned, 100_000, 1024)],
        [(.own, 300_000, 512), (.neighbour, 3000, 4096), (.shared, 70_000, 16384), (.mapped, 9 * 512, 512)],
    ]
    /// 6.7 has what is needed, but not everyone may use it.
    static let hasKernel = WriteWatch(Syscalls()) != nil

    private func check(_ memory: WrittenMemory, _ finder: DirtyPages, rounds: Int) throws {
        var pages: [PageAddress] = []
        for _ in 0..<rounds {
            memory.write(Int.random(in: 0...200, using: &memory.generator))
            let (count, bytes) = (finder.count, finder.byteCount)
            try finder.collect(into: &pages)
            if memory.kinds == [.own] && memory.regions[0].pageBytes == 4096 || memory.kinds == [.mapped] {
                #expect(count == (finder.method(0) == .comparison ? 0 : pages.count))
                #expect(bytes == count * memory.regions[0].pageBytes)
            }
            let (must, may) = memory.takeWritten(finder)
            #expect(must.subtracting(pages) == [] && Set(pages).subtracting(may) == [])
            #expect(zip(pages, pages.dropFirst()).allSatisfy { ($0.region, $0.page) < ($1.region, $1.page) })
        }
    }

    @Test(arguments: machines.indices, [true, false])
    func whatIsWrittenIsFoundOnce(machine: Int, asksKernel: Bool) throws {
        let memory = WrittenMemory(seed: UInt64(machine), DirtyPagesTests.machines[machine])
        let finder = try memory.finder(asksKernel: asksKernel)
        for (index, kind) in memory.kinds.enumerated() {
            switch finder.method(index) {
            case .map: #expect(kind == .mapped)
            case .kernel: #expect(asksKernel && kind != .mapped && kind != .shared)
            case .comparison:
                #expect(!asksKernel || kind == .shared || !DirtyPagesTests.hasKernel)
                #expect(!finder.listsEveryWrite)
            }
        }
        try check(memory, finder, rounds: 50)
    }

    @Test(arguments: machines.indices, [true, false])
    func pagesAreMarkedAndCleaned(machine: Int, asksKernel: Bool) throws {
        let memory = WrittenMemory(seed: 20 + UInt64(machine), DirtyPagesTests.machines[machine])
        let finder = try memory.finder(asksKernel: asksKernel)
        var pages: [PageAddress] = []
        for _ in 0..<30 {
            memory.write(Int.random(in: 0...100, using: &memory.generator))
            try finder.collect(into: &pages)
            _ = memory.takeWritten(finder)
            // The library loads some pages, as far as the region goes.
            let region = Int.random(in: 0..<memory.regions.count, using: &memory.generator)
            let count = memory.regions[region].pageCount
            let first = Int.random(in: 0..<count, using: &memory.generator)
            let end = Int.random(in: first + 1...count, using: &memory.generator)
            let size = memory.regions[region].pageBytes
            for page in first..<end { memory.write(region, page * size) }
            finder.clean(PageAddress(region: UInt32(region), page: UInt32(first)), count: end - first)
            let loaded = memory.takeWritten(finder)
            let marked = PageAddress(region: UInt32(region), page: UInt32(first))
            finder.mark(marked)
            finder.mark(PageAddress(region: 99, page: 0))
            memory.write(Int.random(in: 0...20, using: &memory.generator))
            try finder.collect(into: &pages)
            let (must, may) = memory.takeWritten(finder)
            #expect(must.union([marked]).subtracting(pages) == [])
            // What shares a page of the kernel with what was loaded may be found too.
            let others = loaded.may.filter {
                Int($0.region) != region || !(first..<end).contains(Int($0.page))
            }
            #expect(Set(pages).subtracting(may).subtracting([marked]).subtracting(others) == [])
        }
    }

    @Test func aMapKeepsTheHostsBits() throws {
        let memory = WrittenMemory(seed: 1, [(.mapped, 100 * 512, 512)])
        let map = memory.maps[0]!
        let finder = try memory.finder()
        #expect((0..<100).allSatisfy { map[$0] == 0xFE })
        for page in 0..<100 { map[page] = page % 3 == 0 ? 0xFF : 0x80 }
        var pages: [PageAddress] = []
        try finder.collect(into: &pages)
        #expect(pages.map { Int($0.page) } == Array(stride(from: 0, to: 100, by: 3)))
        #expect((0..<100).allSatisfy { map[$0] == ($0 % 3 == 0 ? 0xFE : 0x80) })
        try finder.collect(into: &pages)
        #expect(pages == [])
    }

    @Test(.enabled(if: hasKernel)) func whatTheKernelWritesOrDropsCounts() throws {
        let memory = WrittenMemory(seed: 1, [(.own, 16 << 20, 4096)])
        memset(memory.memory[0].start, 1, 16 << 20)
        let finder = try memory.finder()
        var pages: [PageAddress] = []
        let zeros = open("/dev/zero", O_RDONLY)
        #expect(read(zeros, memory.memory[0].start + 20480, 10000) == 10000)
        close(zeros)
        try finder.collect(into: &pages)
        #expect(pages.map(\.page) == [5, 6, 7])
        // A whole table of the kernel's, and a page.
        let offset = (2 << 20) - Int(UInt(bitPattern: memory.memory[0].start) % (2 << 20))
        #expect(madvise(memory.memory[0].start + offset, 4 << 20, MADV_DONTNEED) == 0)
        try finder.collect(into: &pages)
        #expect(pages.count == 1024 && pages[0].page == UInt32(offset / 4096))
        #expect(madvise(memory.memory[0].start + (9 << 20), 4096, MADV_DONTNEED) == 0)
        try finder.collect(into: &pages)
        #expect(pages.map(\.page) == [2304])
        try finder.collect(into: &pages)
        #expect(pages == [])
        memory.write(0, offset + 7 * 4096)
        memory.write(0, 9 << 20)
        try finder.collect(into: &pages)
        #expect(Set(pages.map(\.page)) == [UInt32(offset / 4096 + 7), 2304])
    }

    /// Errors, never a crash. What is mapped there later counts as written.
    @Test(arguments: [WrittenMemory.Kind.own, .shared], [true, false])
    func memoryThatIsUnmappedIsReported(kind: WrittenMemory.Kind, asksKernel: Bool) throws {
        let memory = WrittenMemory(seed: 2, [(kind, 64 * 4096, 4096), (.unaligned, 5000, 64)])
        let finder = try memory.finder(asksKernel: asksKernel)
        let start = memory.memory[0].start + 16384
        var pages: [PageAddress] = []
        memory.write(0, 4096)
        munmap(start, 8192)
        for _ in 0..<2 {
            #expect(throws: SystemError(EFAULT, "the memory of RAM region 0 isn't mapped")) {
                try finder.collect(into: &pages)
            }
        }
        let flags = (kind == .shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS | MAP_FIXED
        #expect(mmap(start, 8192, PROT_READ | PROT_WRITE, flags, -1, 0) == start)
        memory.write(0, 16384)
        memory.write(0, 20480)
        try finder.collect(into: &pages)
        #expect(Set([1, 4, 5]).subtracting(pages.map(\.page)) == [])
        #expect(finder.method(0) == .comparison)
        _ = memory.takeWritten(finder)
        try check(memory, finder, rounds: 5)
    }

    @Test func aMapThatIsUnmappedIsReported() throws {
        let memory = WrittenMemory(seed: 2, [(.own, 64 * 64, 64)])
        let map = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
        let finder = try DirtyPages(
            memory.layout, memory: memory.memory, maps: [map.assumingMemoryBound(to: UInt8.self)])
        munmap(map, 4096)
        var pages: [PageAddress] = []
        #expect(throws: SystemError(EFAULT, "the map of dirty pages of RAM region 0 isn't mapped")) {
            try finder.collect(into: &pages)
        }
    }

    /// A forked child gets an error, and neither closes nor uses its parent's descriptors.
    @Test func aForkedChildIsRefused() throws {
        typealias Fork = @convention(c) () -> pid_t
        let fork = unsafeBitCast(try #require(dlsym(nil, "fork")), to: Fork.self)
        let memory = WrittenMemory(seed: 3, [(.own, 64 * 4096, 4096)])
        let finder = try memory.finder()
        var pages: [PageAddress] = []
        try finder.collect(into: &pages)
        memory.write(0, 8192)
        let child = fork()
        if child == 0 {
            alarm(20)
            do throws(SystemError) { try finder.collect(into: &pages) } catch {
                finder.clean(PageAddress(region: 0, page: 0), count: 1)
                _exit(error.number == ECHILD ? 7 : 8)
            }
            _exit(9)
        }
        var status: Int32 = 0
        #expect(waitpid(child, &status, 0) == child && status == 7 << 8)
        try finder.collect(into: &pages)
        #expect(pages.map(\.page) == [2])
    }

    @Test(arguments: 0..<4) func aKernelThatCantIsReplacedByComparison(number: Int) throws {
        let memory = WrittenMemory(seed: 4, [(.own, 1 << 20, 4096), (.own, 1 << 16, 512)])
        let faults = SyscallFaults { call, count in
            (call == .watch && number < 3 && count >= number) || (call == .open && number == 3)
                ? .fail(EPERM) : .pass
        }
        let finder = try memory.finder(faults: faults)
        #expect(finder.method(0) == (number == 2 && DirtyPagesTests.hasKernel ? .kernel : .comparison))
        #expect(finder.method(1) == .comparison)
        try check(memory, finder, rounds: 5)
    }

    @Test func aScanThatFailsListsEverything() throws {
        for number in 0..<12 {
            let memory = WrittenMemory(seed: 5, [(.own, 1 << 20, 4096), (.own, 1 << 16, 512)])
            let finder = try memory.finder(
                faults: SyscallFaults { $0 == .scan && $1 == number ? .fail(EPERM) : .pass })
            var pages: [PageAddress] = []
            for _ in 0..<8 {
                memory.write(20)
                try finder.collect(into: &pages)
                #expect(memory.takeWritten(finder).must.subtracting(pages) == [])
            }
            #expect(finder.method(0) == .comparison && finder.method(1) == .comparison)
            try check(memory, finder, rounds: 3)
        }
    }

    @Test func withoutMemoryNothingIsForgotten() throws {
        for number in 0..<20 {
            let memory = WrittenMemory(seed: 6, [(.own, 1 << 20, 4096), (.shared, 1 << 16, 512)])
            let finder = try memory.finder()
            var (pages, found): ([PageAddress], Set<PageAddress>) = ([], [])
            _ = AllocationFaults.fail(number, count: 1) {
                for _ in 0..<3 {
                    memory.write(300)
                    do throws(SystemError) {
                        try finder.collect(into: &pages)
                        found.formUnion(pages)
                    } catch { #expect(error == .noMemory && pages == []) }
                }
            }
            try finder.collect(into: &pages)
            found.formUnion(pages)
            #expect(memory.takeWritten(finder).must.subtracting(found) == [])
        }
    }

    @Test func whatDoesntFitIsRefused() throws {
        let memory = WrittenMemory(seed: 7, [(.own, 4096, 512)])
        for wrong in [[], [RegionMemory(start: memory.memory[0].start, count: 4097)]] {
            #expect(throws: SystemError(EINVAL)) {
                _ = try DirtyPages(memory.layout, memory: wrong, maps: [nil])
            }
        }
    }
}
