import ReplayLog
import ReplaySystem

/// All versions of all pages, each content once. Counts who refers to them.
final class VersionStore {
    let budget: MemoryBudget
    let versions: Slab<VersionSlot>
    let groups: Slab<GroupSlot>
    let index: HashIndex
    let cache: GroupCache
    /// Pages as they are, and differences: apart, they compress better.
    let plain: OpenGroup
    let delta: OpenGroup
    let kept: KeptMemory
    private let compressor: Compressor
    private let decompressor: Decompressor
    /// A compressed group, then a page.
    let workspace: UnsafeMutableRawPointer
    let workspaceBytes: Int
    private let pagePlace: Int
    /// The members of groups that aren't used any more, and whose memory isn't free.
    private(set) var deadCount = 0

    /// Nil: memory runs out.
    init?(_ budget: MemoryBudget, largestPage: Int, cachedGroups: Int) {
        let groupBytes = GroupSlot.most &* largestPage
        pagePlace = max(Compressor.bound(groupBytes), groupBytes)
        workspaceBytes = pagePlace &+ largestPage
        guard let compressor = Compressor(level: 1), let decompressor = Decompressor(),
            let cache = GroupCache(budget, count: max(cachedGroups, 2), groupBytes: groupBytes),
            let plain = OpenGroup(budget, groupBytes: groupBytes),
            let delta = OpenGroup(budget, groupBytes: groupBytes),
            let workspace = budget.allocate(workspaceBytes)
        else { return nil }
        self.budget = budget
        self.compressor = compressor
        self.decompressor = decompressor
        self.cache = cache
        self.plain = plain
        self.delta = delta
        self.workspace = workspace
        versions = Slab(budget, reserved: FixedVersion.count)
        groups = Slab(budget, reserved: 1)
        kept = KeptMemory(budget)
        index = HashIndex(budget, versions)
    }

    deinit {
        for number in groups.reserved..<groups.count {
            let group = groups[UInt32(truncatingIfNeeded: number)].pointee
            if !group.isOpen && !group.isKept { budget.free(group.bytes, group.storedLength) }
        }
        budget.free(workspace, workspaceBytes)
    }

    // MARK: References

    func retain(_ version: Version) {
        if version >= FixedVersion.count { versions[version].pointee.references &+= 1 }
    }

    func release(_ version: Version) {
        guard version >= FixedVersion.count else { return }
        versions[version].pointee.references &-= 1
        guard versions[version].pointee.references == 0 else { return }
        let slot = versions[version].pointee
        leave(version)
        index.remove(version)
        versions.remove(version)
        release(slot.base)
    }

    /// Takes a version out of its group, which is freed with the last one.
    func leave(_ version: Version) {
        let slot = versions[version].pointee
        let group = groups[slot.group]
        group.pointee.members[Int(slot.member)] = 0
        group.pointee.liveCount &-= 1
        deadCount &+= 1
        if group.pointee.liveCount == 0 && !group.pointee.isOpen { remove(slot.group) }
    }

    private func remove(_ group: UInt32) {
        deadCount &-= Int(groups[group].pointee.memberCount)
        if !groups[group].pointee.isKept {
            budget.free(groups[group].pointee.bytes, groups[group].pointee.storedLength)
        }
        cache.forget(group)
        groups.remove(group)
    }

    // MARK: Content

    /// Copies a version's content. False: it can't be decompressed, or has a different length.
    func load(_ version: Version, into target: UnsafeMutableRawBufferPointer) -> Bool {
        guard version >= FixedVersion.count, let start = target.baseAddress else { return false }
        let slot = versions[version].pointee
        guard let bytes = content(slot.group, slot.member, target.count) else { return false }
        start.copyMemory(from: bytes, byteCount: target.count)
        guard slot.base != 0 else { return true }
        let base = versions[slot.base].pointee
        guard let bytes = content(base.group, base.member, target.count) else { return false }
        PageContent.combine(start, with: bytes, count: target.count)
        return true
    }

    /// What is stored for a member. Valid until the next call.
    func content(_ number: UInt32, _ member: UInt32, _ length: Int) -> UnsafeRawPointer? {
        let group = groups[number].pointee
        guard let bytes = group.bytes, Int(group.pageBytes) == length else { return nil }
        let offset = Int(member) &* length
        if !group.isCompressed { return UnsafeRawPointer(bytes + offset) }
        let pages = cache.pages(number) { place in
            decompressor.decompress(
                UnsafeRawBufferPointer(start: bytes, count: group.storedLength),
                into: UnsafeMutableRawBufferPointer(start: place, count: group.length))
        }
        return pages.map { $0 + offset }
    }

    /// Room for a page, until something is added or repacked.
    func pageSpace(_ count: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: workspace + pagePlace, count: count)
    }

    /// The bytes, and zeros up to the length of a page, in the room for a page.
    func padded(_ bytes: UnsafeRawBufferPointer, to count: Int) -> UnsafeRawBufferPointer {
        let page = pageSpace(count)
        PageContent.clear(page)
        page.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(count)))
        return UnsafeRawBufferPointer(page)
    }

    // MARK: Adding

    /// The version with that content, and a reference to it; nil: memory ran out.
    ///
    /// - Parameter previous: a version that the content may be similar to. Something else keeps it.
    func add(_ bytes: UnsafeRawBufferPointer, _ hash: PageHash, similarTo previous: Version) -> Version? {
        if let known = index.find(hash) {
            let group = versions[known].pointee.group
            guard Int(groups[group].pointee.pageBytes) == bytes.count else { return nil }
            retain(known)
            return known
        }
        guard let source = bytes.baseAddress, index.makeRoom(), let version = versions.add() else {
            return nil
        }
        let base = difference(of: source, bytes.count, from: previous)
        let open = base == 0 ? plain : delta
        guard let place = place(in: open, bytes.count) else {
            versions.remove(version)
            return nil
        }
        place.memory.copyMemory(
            from: base == 0 ? source : UnsafeRawPointer(workspace + pagePlace), byteCount: bytes.count)
        groups[open.number].pointee.members[place.member] = version
        versions[version].pointee.hash = hash
        versions[version].pointee.references = 1
        versions[version].pointee.base = base
        versions[version].pointee.group = open.number
        versions[version].pointee.member = UInt32(truncatingIfNeeded: place.member)
        retain(base)
        index.insert(version)
        return version
    }

    /// Puts the difference from a similar version into the workspace and returns that version; 0: there is no
    /// version from which the difference would be small.
    private func difference(of source: UnsafeRawPointer, _ count: Int, from previous: Version) -> Version {
        guard previous >= FixedVersion.count else { return 0 }
        let slot = versions[previous].pointee
        let base = slot.base == 0 ? previous : slot.base
        let group = versions[base].pointee.group
        // An open group may still be lost.
        guard !groups[group].pointee.isOpen else { return 0 }
        let page = workspace + pagePlace
        guard load(base, into: UnsafeMutableRawBufferPointer(start: page, count: count)) else { return 0 }
        return PageContent.combine(page, with: source, count: count) &* 16 <= count ? base : 0
    }

    /// A place in an open group, which is opened if necessary.
    private func place(in open: OpenGroup, _ pageBytes: Int) -> (
        memory: UnsafeMutableRawPointer, member: Int
    )? {
        if open.number == 0 {
            guard let number = groups.add() else { return nil }
            groups[number].pointee.bytes = open.memory
            groups[number].pointee.pageBytes = UInt32(truncatingIfNeeded: pageBytes)
            groups[number].pointee.isOpen = true
            open.number = number
        }
        let group = groups[open.number]
        let member = Int(group.pointee.memberCount)
        guard member < GroupSlot.most, Int(group.pointee.pageBytes) == pageBytes else { return nil }
        group.pointee.memberCount &+= 1
        group.pointee.liveCount &+= 1
        group.pointee.storedLength = group.pointee.length
        return (open.memory + member &* pageBytes, member)
    }

    // MARK: Closing groups

    /// Must this group be closed before a page of that length is added?
    func mustClose(_ open: OpenGroup, before pageBytes: Int) -> Bool {
        guard open.number != 0 else { return false }
        let group = groups[open.number].pointee
        return Int(group.memberCount) == GroupSlot.most || Int(group.pageBytes) != pageBytes
    }

    /// Gives the open group memory of its own, for pages that are never released. False: memory ran out.
    func closeForEver(_ open: OpenGroup) -> Bool {
        guard open.number != 0, let memory = kept.place(groups[open.number].pointee.length) else {
            return close(open, compress: false)
        }
        let group = groups[open.number]
        memory.copyMemory(from: open.memory, byteCount: group.pointee.length)
        group.pointee.bytes = memory
        group.pointee.isKept = true
        group.pointee.isOpen = false
        open.number = 0
        return true
    }

    /// Compresses the open group and gives it memory of its own. False: memory ran out. Then the owner replaces all
    /// its versions, and calls ``abandon(_:)``.
    func close(_ open: OpenGroup, compress: Bool = true) -> Bool {
        guard open.number != 0 else { return true }
        guard groups[open.number].pointee.liveCount > 0 else {
            abandon(open)
            return true
        }
        let length = groups[open.number].pointee.length
        guard let (memory, stored) = compressed(open.memory, length, compress: compress) else { return false }
        let group = groups[open.number]
        group.pointee.bytes = memory
        group.pointee.storedLength = stored
        group.pointee.isOpen = false
        open.number = 0
        return true
    }

    /// A copy of some pages, compressed if that makes it shorter. Nil: memory runs out.
    func compressed(
        _ pages: UnsafeRawPointer, _ length: Int, compress: Bool = true, relieves: Bool = true
    ) -> (memory: UnsafeMutableRawPointer, count: Int)? {
        var source = pages
        var stored = length
        if compress,
            let count = compressor.compress(
                UnsafeRawBufferPointer(start: source, count: length),
                into: UnsafeMutableRawBufferPointer(start: workspace, count: pagePlace))
        {
            source = UnsafeRawPointer(workspace)
            stored = count
        }
        guard let memory = budget.allocate(stored, relieves: relieves) else { return nil }
        memory.copyMemory(from: source, byteCount: stored)
        return (memory, stored)
    }

    /// Forgets an open group without live members.
    func abandon(_ open: OpenGroup) {
        guard open.number != 0 else { return }
        deadCount &-= Int(groups[open.number].pointee.memberCount)
        groups.remove(open.number)
        open.number = 0
    }
}
