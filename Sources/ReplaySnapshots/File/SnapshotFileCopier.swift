import Glibc
import ReplayLog
import ReplaySystem

/// Copies snapshots of a `NAME.snap`, with all records that they need and no others, to a new store of the same
/// recording. Needs no machine, and checks only what needs none.
package final class SnapshotFileCopier {
    private let index: RecordIndex
    private let system: Syscalls
    /// Each with its COMMIT record, in the order of their places.
    private var commits: [(label: SnapshotLabel, entry: Int)] = []

    /// - Parameter log: what tells the recording from others: ``LogReader/identity``.
    package init(path: String, log: UInt64, system: Syscalls = Syscalls()) throws(LogError) {
        let file = OpenFile(try system.open(path, O_RDONLY | O_NONBLOCK).orThrow("opened", path), system)
        let status = try system.status(file.descriptor).orThrow("opened", path)
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw LogError(.notALog, "\(path) is not a regular file")
        }
        guard let buffer = RawBuffer(count: SnapshotFileHeader.largest) else {
            throw LogError.system(.noMemory, "read", path)
        }
        let count = try system.read(file.descriptor, into: buffer.bytes, at: 0).orThrow("read", path)
        let header = try SnapshotFileHeader.decode(
            UnsafeRawBufferPointer(rebasing: buffer.readOnly[..<count]), path: path)
        guard header.identity.logMetadata == log, let layout = PageLayout(header.identity.regions) else {
            throw LogError(.foreign, "\(path) belongs to a different recording")
        }
        self.system = system
        index = try RecordIndex(file, path: path, header: header, layout: layout, system: system)
        _ = try index.scan()
        try findCommits()
    }

    /// The snapshots, in the order of their places.
    package var labels: [SnapshotLabel] { commits.map(\.label) }

    private func findCommits() throws(LogError) {
        for entry in index.entries.indices where index.entries[entry].header.kind == .commit {
            guard let commit = try? commit(entry) else { continue }
            guard commits.makeRoom() else { throw LogError.system(.noMemory, "read", index.path) }
            // If two have the same id, the later one counts.
            commits.removeAll { $0.label.id == commit.label.id }
            commits.append((commit.label, entry))
        }
        commits.sort { $0.label.place < $1.label.place }
    }

    private func commit(_ entry: Int) throws(LogError) -> CommitPayload {
        let bytes = try index.payload(entry)
        guard bytes.count == CommitPayload.size(index.layout), let commit = CommitPayload(decoding: bytes)
        else { throw index.damage(entry) }
        return commit
    }

    /// The state of a snapshot: see `STATE` on the format page. Valid until the next call.
    package func state(of id: UInt64) throws(LogError) -> UnsafeRawBufferPointer {
        guard let entry = commits.last(where: { $0.label.id == id })?.entry else {
            throw LogError(.misuse, "\(index.path) has no such snapshot")
        }
        let commit = try commit(entry)
        guard let state = index.find(commit.state, .state, before: index.entries[entry].header.sequence)
        else { throw index.damage(entry) }
        return try index.payload(state)
    }

    /// Writes the snapshots with these ids. Those that are damaged are left out. - Returns: those that were copied.
    package func write(_ ids: Set<UInt64>, to target: NewFile) throws(LogError) -> Set<UInt64> {
        guard CheckedMemory.has(index.entries.count) else {
            throw LogError.system(.noMemory, "read", index.path)
        }
        var isNeeded = [Bool](repeating: false, count: index.entries.count)
        var copied: Set<UInt64> = []
        for (label, entry) in commits where ids.contains(label.id) {
            var needed: Set<Int> = []
            do throws(LogError) { try collect(entry, &needed) } catch {
                if error.code == .damaged { continue }
                throw error
            }
            for number in needed { isNeeded[number] = true }
            copied.insert(label.id)
        }
        let header = index.header.encoded()
        try target.write(header, at: 0)
        var tail = UInt64(header.count)
        for (number, entry) in index.entries.enumerated() where isNeeded[number] {
            // The header is checked; the payload was when it was collected, and is checked again by readers.
            let bytes = entry.header.encoded()
            try target.write(bytes, at: tail)
            tail &+= UInt64(bytes.count)
            try copyPayload(entry, to: target, at: tail)
            tail &+= UInt64(entry.header.storedLength)
        }
        return copied
    }

    private func copyPayload(_ entry: RecordIndex.Entry, to target: NewFile, at tail: UInt64)
        throws(LogError)
    {
        guard let buffer = RawBuffer(count: Int(entry.header.storedLength)) else {
            throw LogError.system(.noMemory, "read", index.path)
        }
        let count = try system.read(index.file.descriptor, into: buffer.bytes, at: entry.offset)
            .orThrow("read", index.path)
        guard count == buffer.bytes.count else {
            throw LogError(.damaged, "\(index.path) has changed since it was opened")
        }
        try target.write(buffer.readOnly, at: tail)
    }

    // MARK: What a snapshot needs

    private func collect(_ entry: Int, _ needed: inout Set<Int>) throws(LogError) {
        let sequence = index.entries[entry].header.sequence
        let commit = try commit(entry)
        needed.insert(entry)
        guard let state = index.find(commit.state, .state, before: sequence) else {
            throw index.damage(entry)
        }
        needed.insert(state)
        if commit.overlay != 0 {
            guard let overlay = index.find(commit.overlay, .overlay, before: sequence) else {
                throw index.damage(entry)
            }
            needed.insert(overlay)
            try collectDisks(overlay, &needed)
        }
        var leaves: [UInt64: Set<Int>] = [:]
        let payload = try index.payload(entry)
        for leaf in 0..<index.layout.leafCount {
            guard let bits = CommitPayload.leaf(leaf, in: payload) else { throw index.damage(entry) }
            guard case .member(let record, let number)? = FileReference(bits: bits).target else { continue }
            leaves[record, default: []].insert(number)
        }
        for (record, numbers) in leaves {
            guard let leaf = index.find(record, .leaf, before: sequence) else { throw index.damage(entry) }
            needed.insert(leaf)
            try collect(leaves: numbers, of: leaf, &needed)
        }
    }

    /// The maps of disks, and what they refer to.
    private func collectDisks(_ overlay: Int, _ needed: inout Set<Int>) throws(LogError) {
        let limit = index.entries[overlay].header.sequence
        guard let disks = OverlayPayload.decode(try index.payload(overlay)) else {
            throw index.damage(overlay)
        }
        for bits in disks.flatMap(\.chunks) {
            guard case .member(let record, let number)? = FileReference(bits: bits).target,
                let entry = index.find(record, .extents, before: limit)
            else { throw index.damage(overlay) }
            guard let chunk = ExtentsPayload.chunk(number, in: try index.payload(entry)) else {
                throw index.damage(entry)
            }
            needed.insert(entry)
            for extent in chunk where !extent.isZero {
                let record = DiskPlace.sequence(of: extent.place)
                guard let found = index.find(record, .clusters, before: index.entries[entry].header.sequence)
                else { throw index.damage(entry) }
                // As with pages, damage is found before it is copied.
                if needed.insert(found).inserted { _ = try index.payload(found) }
            }
        }
    }

    /// The records with the pages of some leaves of a record.
    private func collect(leaves: Set<Int>, of entry: Int, _ needed: inout Set<Int>) throws(LogError) {
        let payload = try index.payload(entry)
        var groups: Set<UInt64> = []
        for number in leaves {
            let start = LeafPayload.headSize &+ number &* LeafPayload.leafSize &+ 8
            guard start &+ PageLayout.leafPages &* 8 <= payload.count else { throw index.damage(entry) }
            for page in 0..<PageLayout.leafPages {
                let bits = payload.loadUnaligned(fromByteOffset: start &+ 8 &* page, as: UInt64.self)
                let reference = FileReference(bits: UInt64(littleEndian: bits))
                if case .member(let record, _)? = reference.target { groups.insert(record) }
            }
        }
        for record in groups.sorted() { try collect(group: record, from: entry, &needed) }
    }

    /// A group, and the groups of those that its members are differences from: these aren't differences.
    private func collect(group: UInt64, from entry: Int, _ needed: inout Set<Int>) throws(LogError) {
        guard
            let found = index.find(group, .pages, before: index.entries[entry].header.sequence)
        else { throw index.damage(entry) }
        guard needed.insert(found).inserted else { return }
        let payload = try index.payload(found)
        guard let pages = PagesPayload(decoding: payload, index.layout) else { throw index.damage(found) }
        var bases: [UInt64] = []
        for number in 0..<pages.count {
            guard let member = PagesPayload.member(number, in: payload) else { throw index.damage(found) }
            if case .member(let record, _)? = FileReference(bits: member.base).target, member.base != 0 {
                bases.append(record)
            }
        }
        for base in bases where base != group { try collect(group: base, from: found, &needed) }
    }
}
