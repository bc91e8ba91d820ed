import CReplay
import Glibc
import ReplaySystem

/// Memory that the kernel watches for writes. It belongs to this process alone.
///
/// The kernel has pages of its own, which may be larger than those of a region, and parts of several regions may be in
/// one: so what it finds are ranges of memory.
final class WriteWatch {
    private let system: Syscalls
    private let descriptor: Int32
    private let pagemap: Int32
    private let forks = replay_fork_count()
    /// Whole pages of the kernel's, in order, none of them twice.
    private var ranges: [Range<UInt>] = []
    private let buffer: RawBuffer
    private static let most = 256

    /// Nil: this kernel can't, or memory runs out.
    init?(_ system: Syscalls) {
        guard let buffer = RawBuffer(count: WriteWatch.most &* MemoryLayout<Syscalls.WrittenRange>.stride),
            case .success(let descriptor) = system.openWriteWatch()
        else { return nil }
        guard case .success(let pagemap) = system.open("/proc/self/pagemap", O_RDONLY) else {
            system.close(descriptor)
            return nil
        }
        self.system = system
        self.buffer = buffer
        self.descriptor = descriptor
        self.pagemap = pagemap
    }

    deinit {
        // A forked child has closed them already, and may have others with these numbers.
        guard replay_fork_count() == forks else { return }
        system.close(descriptor)
        system.close(pagemap)
    }

    /// False: not this memory.
    func watch(_ memory: Range<UInt>) -> Bool {
        let range = Syscalls.wholePages(memory)
        guard system.isPrivate(range), case .success = system.watchWrites(descriptor, range) else {
            return false
        }
        add(range)
        return true
    }

    private func add(_ range: Range<UInt>) {
        var merged = range
        ranges.removeAll {
            guard $0.overlaps(merged) else { return false }
            merged = min($0.lowerBound, merged.lowerBound)..<max($0.upperBound, merged.upperBound)
            return true
        }
        let index = ranges.firstIndex { $0.lowerBound > merged.lowerBound } ?? ranges.count
        ranges.insert(merged, at: index)
    }

    /// All pages are clean. False: the kernel can't scan.
    func reset() -> Bool { collect { _ in } }

    /// Watches nothing any more.
    func end() { ranges = [] }

    /// Finds what was written since the last call, and resets it. False: a range isn't watched any more.
    func collect(_ note: (Range<UInt>) -> Void) -> Bool {
        ranges.allSatisfy { scan($0, note) }
    }

    /// The same for a part of the memory.
    func collect(_ memory: Range<UInt>, _ note: (Range<UInt>) -> Void) -> Bool {
        scan(Syscalls.wholePages(memory), note)
    }

    /// The ranges that the next call will find.
    func peek(_ note: (Range<UInt>) -> Void) {
        for range in ranges { _ = scan(range, resets: false, note) }
    }

    private func scan(_ range: Range<UInt>, resets: Bool = true, _ note: (Range<UInt>) -> Void) -> Bool {
        let found = UnsafeMutableBufferPointer(
            start: buffer.start?.assumingMemoryBound(to: Syscalls.WrittenRange.self),
            count: WriteWatch.most)
        var next = range.lowerBound
        while next < range.upperBound {
            guard
                case .success(let result) = system.scanWritten(
                    pagemap, next..<range.upperBound, into: found, resets: resets),
                result.reached > next
            else { return false }
            for index in 0..<result.count where found[index].start < found[index].end {
                note(found[index].start..<found[index].end)
            }
            next = result.reached
        }
        return true
    }
}
