import ReplayLog
import ReplaySystem

/// Reads versions from a file.
final class GroupReader {
    private let index: RecordIndex
    private let layout: PageLayout
    private let cache: GroupCache
    private let start: (PageAddress, UnsafeMutableRawBufferPointer) -> Bool
    private let base: RawBuffer
    private static let headBytes = PagesPayload.headSize(GroupSlot.most)

    /// Nil: memory runs out.
    init?(
        _ index: RecordIndex, cachedGroups: Int,
        start: @escaping (PageAddress, UnsafeMutableRawBufferPointer) -> Bool
    ) {
        // A cached group has its head too, and then the pages.
        let groupBytes = GroupReader.headBytes &+ GroupSlot.most &* index.layout.largestPage
        guard
            let cache = GroupCache(
                MemoryBudget(limit: .max), count: max(cachedGroups, 2), groupBytes: groupBytes),
            let base = RawBuffer(count: index.layout.largestPage)
        else { return nil }
        self.index = index
        layout = index.layout
        self.cache = cache
        self.base = base
        self.start = start
    }

    // MARK: Checking

    /// Is this a version of a page of that length, and sound with all that it needs?
    func check(_ reference: FileReference, _ pageBytes: Int, before limit: UInt64) throws(LogError) -> Bool {
        switch reference.target {
        case nil: return false
        case .ownStart, .zero: return true
        case .start(let address): return layout.contains(address) && layout.pageBytes(address) == pageBytes
        case .member(let sequence, let member):
            guard let entry = index.find(sequence, .pages, before: limit) else { return false }
            let shape = try shape(entry)
            guard shape.pageBytes == pageBytes, shape.has(member) else { return false }
            if !index.entries[entry].isChecked { try check(entry, shape) }
            return true
        }
    }

    /// Checks the hash of each member of a group.
    private func check(_ entry: Int, _ shape: GroupShape) throws(LogError) {
        let page = RawBuffer()
        guard page.reserve(shape.pageBytes) else { throw LogError.system(.noMemory, "read", index.path) }
        let target = UnsafeMutableRawBufferPointer(rebasing: page.bytes[..<shape.pageBytes])
        for member in 0..<GroupSlot.most where shape.has(member) {
            let expected = try self.member(entry, member)
            try checkBase(entry, expected.base, shape.pageBytes)
            try load(entry, member, into: target)
            guard PageHash(UnsafeRawBufferPointer(target)) == expected.hash else { throw index.damage(entry) }
        }
        index.noteChecked(entry)
    }

    /// A base isn't a difference itself, and precedes its differences. (Their hashes cover its content.)
    private func checkBase(_ entry: Int, _ bits: UInt64, _ pageBytes: Int) throws(LogError) {
        guard bits != 0 else { return }
        switch FileReference(bits: bits).target {
        case .start(let address):
            if layout.contains(address) && layout.pageBytes(address) == pageBytes { return }
        case .member(let sequence, let member):
            let limit = index.entries[entry].header.sequence
            if let base = index.find(sequence, .pages, before: limit) {
                let shape = try shape(base)
                if shape.pageBytes == pageBytes && shape.hasPlain(member) { return }
            }
        default: break
        }
        throw index.damage(entry)
    }

    private func shape(_ entry: Int) throws(LogError) -> GroupShape {
        if let shape = index.entries[entry].shape { return shape }
        let head = UnsafeRawBufferPointer(start: try cached(entry), count: GroupReader.headBytes)
        var reader = ByteReader(head)
        guard let pageBytes = reader.readUInt32(), let count = reader.readUInt32() else {
            throw index.damage(entry)
        }
        var shape = GroupShape(pageBytes: Int(pageBytes))
        for number in 0..<Int(count) {
            guard let member = PagesPayload.member(number, in: head) else { throw index.damage(entry) }
            shape.add(number, member)
        }
        index.note(shape, entry)
        return shape
    }

    private func member(_ entry: Int, _ number: Int) throws(LogError) -> PagesPayload.Member {
        let head = UnsafeRawBufferPointer(start: try cached(entry), count: GroupReader.headBytes)
        guard let member = PagesPayload.member(number, in: head) else { throw index.damage(entry) }
        return member
    }

    // MARK: Loading

    /// Copies the content of a page.
    func load(_ reference: FileReference, _ address: PageAddress, into target: UnsafeMutableRawBufferPointer)
        throws(LogError)
    {
        switch reference.target {
        case .ownStart: try loadStart(address, into: target)
        case .zero: PageContent.clear(target)
        case .start(let other): try loadStart(other, into: target)
        case .member(let sequence, let member):
            guard let entry = index.find(sequence, .pages, before: UInt64.max) else { throw missing }
            try load(entry, member, into: target)
        case nil: throw missing
        }
    }

    private var missing: LogError {
        LogError(.damaged, "\(index.path) refers to a page that it doesn't have")
    }

    private func loadStart(_ address: PageAddress, into target: UnsafeMutableRawBufferPointer)
        throws(LogError)
    {
        guard start(address, target) else {
            throw LogError(.damaged, "\(index.path) refers to a page that the machine doesn't have")
        }
    }

    private func load(_ entry: Int, _ member: Int, into target: UnsafeMutableRawBufferPointer)
        throws(LogError)
    {
        guard let to = target.baseAddress else { return }
        let bytes = try cached(entry)
        let head = UnsafeRawBufferPointer(start: bytes, count: GroupReader.headBytes)
        var reader = ByteReader(head)
        guard reader.readUInt32() == UInt32(target.count), let count = reader.readUInt32(),
            member < Int(count), let found = PagesPayload.member(member, in: head)
        else { throw index.damage(entry) }
        to.copyMemory(
            from: bytes + (GroupReader.headBytes &+ member &* target.count), byteCount: target.count)
        guard found.base != 0 else { return }
        let page = UnsafeMutableRawBufferPointer(rebasing: base.bytes[..<target.count])
        switch FileReference(bits: found.base).target {
        case .start(let address): try loadStart(address, into: page)
        case .member(let sequence, let member):
            guard let entry = index.find(sequence, .pages, before: UInt64.max) else {
                throw index.damage(entry)
            }
            let bytes = try cached(entry)
            guard let from = page.baseAddress, member < GroupSlot.most else { throw index.damage(entry) }
            from.copyMemory(
                from: bytes + (GroupReader.headBytes &+ member &* target.count), byteCount: target.count)
        default: throw index.damage(entry)
        }
        if let from = page.baseAddress { PageContent.combine(to, with: from, count: target.count) }
    }

    /// A group's head, at a fixed length, and its pages.
    private func cached(_ entry: Int) throws(LogError) -> UnsafeRawPointer {
        var failure: LogError?
        let bytes = cache.pages(UInt32(truncatingIfNeeded: entry &+ 1)) { place in
            do throws(LogError) {
                try fill(entry, place)
                return true
            } catch {
                failure = error
                return false
            }
        }
        guard let bytes else { throw failure ?? index.damage(entry) }
        return bytes
    }

    private func fill(_ entry: Int, _ place: UnsafeMutableRawPointer) throws(LogError) {
        let payload = try index.payload(entry)
        guard let group = PagesPayload(decoding: payload, layout), let head = payload.baseAddress,
            let stored = group.stored.baseAddress
        else { throw index.damage(entry) }
        place.copyMemory(from: head, byteCount: PagesPayload.headSize(group.count))
        let pages = UnsafeMutableRawBufferPointer(
            start: place + GroupReader.headBytes, count: group.length)
        if group.stored.count == group.length {
            pages.copyMemory(from: UnsafeRawBufferPointer(start: stored, count: group.length))
        } else if !index.decompress(group.stored, into: pages) {
            throw index.damage(entry)
        }
    }
}
