import CReplay
import CSystem
import Glibc

/// The calls on this process's own memory.
extension Syscalls {
    package typealias WrittenRange = replay_written_t

    package static let memoryPage = UInt(max(sysconf(Int32(_SC_PAGESIZE)), 1))

    /// A descriptor that watches memory for writes. A forked child doesn't have it.
    package func openWriteWatch() -> Result<Int32> {
        if let error = fault(.watch) { return .failure(error) }
        let result = retry { replay_written_open() }
        if case .success(let descriptor) = result { replay_fork_own(descriptor, true) }
        return result
    }

    /// From now on, ``scanWritten(_:_:into:)`` reports writes to these pages. At first all of them count as written.
    package func watchWrites(_ descriptor: Int32, _ range: Range<UInt>) -> Result<Void> {
        if let error = fault(.watch) { return .failure(error) }
        return attempt { replay_written_watch(descriptor, range.lowerBound, range.count) }
    }

    /// Fills a buffer with ranges of written pages, and resets them if `resets`. Returns how many there are, and where to go on.
    ///
    /// - Parameter pagemap: `/proc/self/pagemap`, opened.
    package func scanWritten(
        _ pagemap: Int32, _ range: Range<UInt>, into found: UnsafeMutableBufferPointer<WrittenRange>,
        resets: Bool = true
    ) -> Result<(count: Int, reached: UInt)> {
        if let error = fault(.scan) { return .failure(error) }
        var reached: UInt = range.lowerBound
        return retry {
            replay_written_scan(
                pagemap, range.lowerBound, range.upperBound, found.baseAddress, found.count, resets, &reached)
        }.map { (Int($0), reached) }
    }

    /// Is something mapped at each of these addresses?
    package static func isMapped(_ range: Range<UInt>) -> Bool {
        let pages = wholePages(range)
        return pages.isEmpty || replay_is_mapped(pages.lowerBound, pages.count)
    }

    /// The range, made larger to whole pages.
    package static func wholePages(_ range: Range<UInt>) -> Range<UInt> {
        let mask = memoryPage &- 1
        let end = range.upperBound.addingReportingOverflow(mask)
        return (range.lowerBound & ~mask)..<((end.overflow ? UInt.max : end.partialValue) & ~mask)
    }

    /// Does all of this memory belong to this process alone? What others share may be written elsewhere.
    package func isPrivate(_ range: Range<UInt>) -> Bool {
        guard case .success(let descriptor) = open("/proc/self/maps", O_RDONLY) else { return false }
        defer { close(descriptor) }
        let buffer = RawBuffer()
        guard buffer.reserve(1 << 16) else { return false }
        var (reached, offset, kept) = (range.lowerBound, UInt64(0), 0)
        while reached < range.upperBound {
            let free = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[kept...])
            guard case .success(let count) = read(descriptor, into: free, at: offset), count > 0 else {
                return false
            }
            offset &+= UInt64(truncatingIfNeeded: count)
            var lines = UnsafeRawBufferPointer(rebasing: buffer.readOnly[..<(kept &+ count)])
            while let end = lines.firstIndex(of: UInt8(ascii: "\n")) {
                let line = UnsafeRawBufferPointer(rebasing: lines[..<end])
                lines = UnsafeRawBufferPointer(rebasing: lines[(end &+ 1)...])
                guard let mapping = MemoryMapping(line) else { return false }
                if mapping.range.upperBound <= reached { continue }
                if mapping.range.lowerBound > reached || !mapping.isPrivate { return false }
                reached = mapping.range.upperBound
                if reached >= range.upperBound { return true }
            }
            kept = lines.count
            guard kept < buffer.capacity else { return false }
            if let start = buffer.start, let rest = lines.baseAddress { memmove(start, rest, kept) }
        }
        return true
    }
}

/// A line of `/proc/self/maps`: `start-end rwxp …`.
struct MemoryMapping {
    var range: Range<UInt>
    var isPrivate: Bool

    init?(_ line: UnsafeRawBufferPointer) {
        let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
        guard parts.count >= 2, parts[1].count == 4 else { return nil }
        let ends = parts[0].split(separator: UInt8(ascii: "-"))
        guard ends.count == 2, let start = UInt(String(decoding: ends[0], as: UTF8.self), radix: 16),
            let end = UInt(String(decoding: ends[1], as: UTF8.self), radix: 16), start <= end
        else { return nil }
        range = start..<end
        isPrivate = parts[1].last == UInt8(ascii: "p")
    }
}
