import ReplayLog

/// A group keeps its memory as long as one of its members is in use. When too many aren't, what is left of several
/// groups is put into one.
extension VersionStore {
    /// More than a third of all members are dead.
    var wantsRepacking: Bool { deadCount > 64 && deadCount > index.count / 2 }

    /// Makes at most that many new groups. No group is open. Needs no memory that isn't free, and drops nothing.
    func repack(atMost count: Int, pageSizes: Set<Int>) {
        var left = count
        for pageBytes in pageSizes.sorted() {
            for isDelta in [false, true] where left > 0 {
                left &-= repack(pageBytes, isDelta, atMost: left)
            }
        }
    }

    /// Returns how many groups it has made.
    private func repack(_ pageBytes: Int, _ isDelta: Bool, atMost count: Int) -> Int {
        var made = 0
        // First, because this may drop snapshots.
        guard var target = groups.add() else { return 0 }
        var packed = GroupSlot.Members()
        var length = 0
        let end = groups.count
        for number in groups.reserved..<end where made < count {
            let number = UInt32(truncatingIfNeeded: number)
            let group = groups[number].pointee
            guard isSparse(group), Int(group.pageBytes) == pageBytes, self.isDelta(group) == isDelta else {
                continue
            }
            if length &+ Int(group.liveCount) > GroupSlot.most {
                guard finish(target, packed, length, pageBytes) else { break }
                made &+= 1
                length = 0
                packed = GroupSlot.Members()
                guard let next = groups.add() else { return made }
                target = next
                // Adding it may have dropped snapshots.
                guard isSparse(groups[number].pointee) else { continue }
            }
            for member in 0..<Int(group.memberCount) {
                let version = groups[number].pointee.members[member]
                guard version != 0 else { continue }
                guard let bytes = content(number, UInt32(truncatingIfNeeded: member), pageBytes) else {
                    groups.remove(target)
                    return made
                }
                (plain.memory + length &* pageBytes).copyMemory(from: bytes, byteCount: pageBytes)
                packed[length] = version
                length &+= 1
            }
        }
        // What is left is worth a group only if it empties several.
        if length > GroupSlot.most / 2 && made < count && finish(target, packed, length, pageBytes) {
            return made &+ 1
        }
        groups.remove(target)
        return made
    }

    private func isSparse(_ group: GroupSlot) -> Bool {
        group.liveCount > 0 && !group.isOpen && group.liveCount <= group.memberCount / 2
    }

    private func isDelta(_ group: GroupSlot) -> Bool {
        for member in 0..<Int(group.memberCount) where group.members[member] != 0 {
            return versions[group.members[member]].pointee.base != 0
        }
        return false
    }

    /// Compresses the collected members and moves their versions. False: there is no free memory, and nothing has
    /// changed.
    private func finish(_ target: UInt32, _ packed: GroupSlot.Members, _ count: Int, _ pageBytes: Int) -> Bool
    {
        guard count > 0, let (memory, stored) = compressed(plain.memory, count &* pageBytes, relieves: false)
        else { return false }
        let group = groups[target]
        group.pointee.bytes = memory
        group.pointee.storedLength = stored
        group.pointee.pageBytes = UInt32(truncatingIfNeeded: pageBytes)
        group.pointee.memberCount = UInt32(truncatingIfNeeded: count)
        group.pointee.liveCount = UInt32(truncatingIfNeeded: count)
        group.pointee.members = packed
        for member in 0..<count {
            let version = packed[member]
            leave(version)
            versions[version].pointee.group = target
            versions[version].pointee.member = UInt32(truncatingIfNeeded: member)
        }
        return true
    }
}
