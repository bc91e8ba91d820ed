/// Invariants, for tests.
extension PageStore {
    /// What is wrong with the store; empty: nothing.
    package func violations() -> [String] {
        var found: [String] = []
        checkReferences(&found)
        checkGroups(&found)
        checkTables(&found)
        if store.plain.number != 0 || store.delta.number != 0 { found.append("a group is open") }
        let counted = countedBytes()
        if counted != budget.used { found.append("\(budget.used) bytes are accounted, \(counted) are used") }
        if budget.used > budget.limit { found.append("\(budget.used) bytes exceed the budget") }
        return found
    }

    private var tables: [PageTable] { [start, latest] + snapshots.map(\.table) }

    /// Each leaf once, with the number of tables that have it.
    private func leaves() -> [UnsafeRawPointer: (leaf: Leaf, tables: Int)] {
        var leaves: [UnsafeRawPointer: (leaf: Leaf, tables: Int)] = [:]
        for table in tables {
            for index in 0..<layout.leafCount {
                if let leaf = table[index] { leaves[leaf.identity, default: (leaf, 0)].tables += 1 }
            }
        }
        return leaves
    }

    private func liveVersions() -> [Version] {
        (FixedVersion.count..<max(store.versions.count, FixedVersion.count)).map { Version($0) }
            .filter { store.versions[$0].pointee.references > 0 }
    }

    private func liveGroups() -> [UInt32] {
        (1..<max(store.groups.count, 1)).map { UInt32($0) }.filter { store.groups[$0].pointee.liveCount > 0 }
    }

    private func checkReferences(_ found: inout [String]) {
        var references: [Version: UInt64] = [:]
        for (_, entry) in leaves() {
            let expected = entry.tables + (entry.leaf === lostLeaf ? 1 : 0)
            if entry.leaf.references != expected {
                found.append("a leaf in \(expected) tables has \(entry.leaf.references) references")
            }
            for index in 0..<PageLayout.leafPages { references[entry.leaf.entries[index], default: 0] += 1 }
        }
        let live = liveVersions()
        for version in live where store.versions[version].pointee.base != 0 {
            references[store.versions[version].pointee.base, default: 0] += 1
        }
        for version in live {
            let slot = store.versions[version].pointee
            if references[version] ?? 0 != slot.references {
                found.append(
                    "version \(version) has \(slot.references) references, not \(references[version] ?? 0)")
            }
            if store.index.find(slot.hash) != version {
                found.append("version \(version) isn't in the index")
            }
            if slot.base != 0 && store.versions[slot.base].pointee.base != 0 {
                found.append("version \(version) is a difference from a difference")
            }
        }
        for version in references.keys where version >= FixedVersion.count && !live.contains(version) {
            found.append("version \(version) is used and free")
        }
        if store.index.count != live.count { found.append("the index has \(store.index.count) versions") }
        if store.versions.count - store.versions.reserved - store.versions.freeCount != live.count {
            found.append("versions leaked")
        }
    }

    private func checkGroups(_ found: inout [String]) {
        let live = liveGroups()
        let dead = live.reduce(0) {
            $0 + Int(store.groups[$1].pointee.memberCount - store.groups[$1].pointee.liveCount)
        }
        if dead != store.deadCount { found.append("\(dead) members are dead, not \(store.deadCount)") }
        for number in live {
            let group = store.groups[number].pointee
            let members = (0..<GroupSlot.most).filter { group.members[$0] != 0 }
            if members.count != Int(group.liveCount) { found.append("group \(number) has lost count") }
            for member in members {
                let slot = store.versions[group.members[member]].pointee
                if slot.group != number || Int(slot.member) != member {
                    found.append("group \(number) is mixed up")
                }
            }
        }
        if store.groups.count - store.groups.reserved - store.groups.freeCount != live.count {
            found.append("groups leaked")
        }
    }

    private func checkTables(_ found: inout [String]) {
        var lost = 0
        lostPages { _ in lost += 1 }
        if lost != lostCount { found.append("\(lost) pages are lost, not \(lostCount)") }
        for table in [start] + snapshots.map(\.table) {
            for index in 0..<layout.leafCount {
                guard let leaf = table[index] else { continue }
                if (0..<layout.pages(ofLeaf: index).count).contains(where: {
                    leaf.entries[$0] == FixedVersion.lost
                }) {
                    found.append("a snapshot has lost pages")
                }
            }
        }
    }

    private func countedBytes() -> Int {
        var bytes = store.versions.bytes + store.groups.bytes + store.index.bytes + store.cache.bytes
        bytes += pending.bytes + changed.bytes + adoptSpace.count
        bytes += store.plain.bytes + store.delta.bytes + store.workspaceBytes + store.kept.bytes
        for number in liveGroups()
        where !store.groups[number].pointee.isOpen && !store.groups[number].pointee.isKept {
            bytes += store.groups[number].pointee.storedLength
        }
        var leaves = leaves()
        leaves[lostLeaf.identity] = (lostLeaf, 1)
        bytes += leaves.count * Leaf.bytes + tables.count * PageTable.bytes(layout.leafCount)
        for snapshot in snapshots { bytes += snapshot.stateLength + snapshot.written.bytes }
        return bytes
    }
}
