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
        var reached = range.lowerBound
        let isRead = forEachLine(of: "/proc/self/maps") { line in
            guard let mapping = MemoryMapping(line) else { return false }
            if mapping.range.upperBound <= reached { return true }
            if mapping.range.lowerBound > reached || !mapping.isPrivate { return false }
            reached = mapping.range.upperBound
            return reached < range.upperBound
        }
        return isRead && reached >= range.upperBound
    }

    // MARK: Pages that exist

    /// Finds the parts of a range of memory that may contain anything except zeros, in order, without reading them.
    /// Whatever isn't certain counts as one of them. `note` returns false to stop.
    package func forEachPopulated(_ range: Range<UInt>, _ note: (Range<UInt>) -> Bool) {
        let pages = Syscalls.wholePages(range)
        var next = pages.lowerBound
        if readsAsZero(pages), case .success(let pagemap) = open("/proc/self/pagemap", O_RDONLY) {
            defer { close(pagemap) }
            let most = 256
            withUnsafeTemporaryAllocation(of: WrittenRange.self, capacity: most) { found in
                while next < pages.upperBound {
                    var reached = next
                    let count = replay_populated_scan(
                        pagemap, next, pages.upperBound, found.baseAddress, most, &reached)
                    guard count >= 0, reached > next else { return }
                    for index in 0..<Int(count) where found[index].start < found[index].end {
                        let part = (found[index].start..<found[index].end).clamped(to: range)
                        if !part.isEmpty, !note(part) {
                            next = pages.upperBound
                            return
                        }
                    }
                    next = reached
                }
            }
        }
        let rest = (min(next, pages.upperBound)..<pages.upperBound).clamped(to: range)
        if !rest.isEmpty { _ = note(rest) }
    }

    /// Do pages of this memory that don't exist contain zeros? So it is with anonymous memory of this process alone,
    /// unless somebody supplies its content on demand (userfaultfd).
    private func readsAsZero(_ range: Range<UInt>) -> Bool {
        var reached = range.lowerBound
        var mapping: MemoryMapping?
        let isRead = forEachLine(of: "/proc/self/smaps") { line in
            if !MemoryMapping.isDetail(line), let next = MemoryMapping(line) {
                // Without its flags, the one before isn't known.
                if mapping != nil || next.range.lowerBound > reached { return false }
                if next.range.upperBound > reached { mapping = next }
                return mapping?.isAnonymous ?? true
            }
            guard let current = mapping, let flags = MemoryMapping.flags(line) else { return true }
            if flags.contains(where: { $0.elementsEqual("um".utf8) }) { return false }
            mapping = nil
            reached = current.range.upperBound
            return reached < range.upperBound
        }
        return isRead && reached >= range.upperBound
    }

    /// Reads a file of /proc until `body` returns false. False: it can't be read.
    private func forEachLine(of path: String, _ body: (UnsafeRawBufferPointer) -> Bool) -> Bool {
        guard case .success(let descriptor) = open(path, O_RDONLY) else { return false }
        defer { close(descriptor) }
        let buffer = RawBuffer()
        guard buffer.reserve(1 << 16) else { return false }
        var (offset, kept) = (UInt64(0), 0)
        while true {
            let free = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[kept...])
            guard case .success(let count) = read(descriptor, into: free, at: offset) else { return false }
            if count == 0 { return true }
            offset &+= UInt64(truncatingIfNeeded: count)
            var lines = UnsafeRawBufferPointer(rebasing: buffer.readOnly[..<(kept &+ count)])
            while let end = lines.firstIndex(of: UInt8(ascii: "\n")) {
                let line = UnsafeRawBufferPointer(rebasing: lines[..<end])
                lines = UnsafeRawBufferPointer(rebasing: lines[(end &+ 1)...])
                if !body(line) { return true }
            }
            kept = lines.count
            guard kept < buffer.capacity else { return false }
            if let start = buffer.start, let rest = lines.baseAddress { memmove(start, rest, kept) }
        }
    }
}

/// The line with which a mapping begins in `/proc/self/maps` and `smaps`: `start-end rwxp offset device inode path`.
struct MemoryMapping {
    var range: Range<UInt>
    var isPrivate: Bool
    /// Private, and of no file or device.
    var isAnonymous: Bool

    init?(_ line: UnsafeRawBufferPointer) {
        let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
        guard parts.count >= 5, parts[1].count == 4 else { return nil }
        let ends = parts[0].split(separator: UInt8(ascii: "-"))
        guard ends.count == 2, let start = UInt(String(decoding: ends[0], as: UTF8.self), radix: 16),
            let end = UInt(String(decoding: ends[1], as: UTF8.self), radix: 16), start <= end
        else { return nil }
        range = start..<end
        isPrivate = parts[1].last == UInt8(ascii: "p")
        let path = parts.count > 5 ? parts[5].drop { $0 == UInt8(ascii: " ") } : line.prefix(0)
        let hasUsualName =
            path.isEmpty || path.starts(with: "[anon:".utf8) || path.elementsEqual("[heap]".utf8)
        isAnonymous = isPrivate && parts[4].elementsEqual("0".utf8) && hasUsualName
    }

    /// Is it one of the lines of `smaps` after that one? Their names begin with a capital letter.
    static func isDetail(_ line: UnsafeRawBufferPointer) -> Bool {
        line.first.map { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") } ?? true
    }

    /// The flags in the line of `smaps` that has them; nil: a different line.
    static func flags(_ line: UnsafeRawBufferPointer) -> [Slice<UnsafeRawBufferPointer>]? {
        guard line.starts(with: "VmFlags:".utf8) else { return nil }
        return line.dropFirst("VmFlags:".utf8.count).split(separator: UInt8(ascii: " "))
    }
}
