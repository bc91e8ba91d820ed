import Glibc
import ReplaySystem
import Testing

/// Which parts of memory may contain anything except zeros.
@Suite struct PopulatedTests {
    private static let page = Int(Syscalls.memoryPage)

    private func found(_ memory: UnsafeMutableRawPointer, _ count: Int, _ system: Syscalls = Syscalls())
        -> [Bool]
    {
        let start = UInt(bitPattern: memory)
        var pages = [Bool](repeating: false, count: (count + Self.page - 1) / Self.page)
        var last = start
        system.forEachPopulated(start..<start + UInt(count)) { part in
            #expect(part.lowerBound >= last && part.upperBound <= start + UInt(count))
            last = part.upperBound
            for page in Int(part.lowerBound - start) / Self.page...(Int(part.upperBound - start) - 1)
                / Self.page
            {
                pages[page] = true
            }
            return true
        }
        return pages
    }

    private func map(_ count: Int, _ flags: Int32, _ file: Int32 = -1) throws -> UnsafeMutableRawPointer {
        let memory = mmap(nil, count, PROT_READ | PROT_WRITE, flags, file, 0)
        return try #require(memory == MAP_FAILED ? nil : memory)
    }

    @Test func everyWrittenPageIsFound() throws {
        let count = 3000 * Self.page
        let memory = try map(count, MAP_PRIVATE | MAP_ANONYMOUS)
        defer { munmap(memory, count) }
        // Small pages, whatever the system does by itself.
        madvise(memory, count, MADV_NOHUGEPAGE)
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<1000 {
            memory.storeBytes(of: 1, toByteOffset: .random(in: 0..<count, using: &generator), as: UInt8.self)
        }
        let pages = found(memory, count)
        for page in 0..<3000 {
            let bytes = UnsafeRawBufferPointer(start: memory + page * Self.page, count: Self.page)
            #expect(pages[page] || bytes.allSatisfy { $0 == 0 })
        }
        let part = found(memory + 100, count - 300)
        #expect(part.count == 3000)
        // Each of these is in two pages of the kernel's.
        for page in 1..<2998 { #expect(part[page] == (pages[page] || pages[page + 1])) }
    }

    @Test func memoryThatOthersFillCountsAsFull() throws {
        let count = 16 * Self.page
        let shared = try map(count, MAP_SHARED | MAP_ANONYMOUS)
        defer { munmap(shared, count) }
        #expect(found(shared, count).allSatisfy { $0 })
        let file = Glibc.open("/proc/self/exe", O_RDONLY)
        defer { Glibc.close(file) }
        let mapped = try map(count, MAP_PRIVATE, file)
        defer { munmap(mapped, count) }
        #expect(found(mapped, count).allSatisfy { $0 })
    }

    @Test func whatCannotBeAskedCountsAsFull() throws {
        let count = 16 * Self.page
        let memory = try map(count, MAP_PRIVATE | MAP_ANONYMOUS)
        defer { munmap(memory, count) }
        for call in [SyscallFaults.Call.open, .read] {
            for number in 0..<3 {
                let faults = SyscallFaults { $0 == call && $1 == number ? .fail(EIO) : .pass }
                _ = found(memory, count, Syscalls(faults: faults))
            }
            let always = SyscallFaults { used, _ in used == call ? .fail(EIO) : .pass }
            #expect(found(memory, count, Syscalls(faults: always)).allSatisfy { $0 })
        }
    }
}
