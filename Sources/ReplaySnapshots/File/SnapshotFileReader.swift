import Glibc
import ReplayLog
import ReplaySystem

/// Reads `NAME.snap`, also while a writer extends it. It believes no byte before its checksum.
///
/// A snapshot that needs a damaged record is dropped when it is opened.
package final class SnapshotFileReader {
    let index: RecordIndex
    let groups: GroupReader
    private let disks: DiskReader
    package let path: String
    private let layout: PageLayout
    /// The commits of the snapshots that aren't dropped, as places in the index, in the order of the file.
    private var commits: [(label: SnapshotLabel, entry: Int)] = []
    private var scanned = 0
    /// The snapshots that were dropped because something that they need is damaged or missing.
    package private(set) var dropped = 0

    /// - Parameter start: copies a page as it is at the start; false: it can't.
    package init(
        path: String, identity: SnapshotFileIdentity, cachedGroups: Int = 8, system: Syscalls = Syscalls(),
        start: @escaping (PageAddress, UnsafeMutableRawBufferPointer) -> Bool
    ) throws(LogError) {
        guard let layout = PageLayout(identity.regions) else {
            throw LogError(.misuse, "\(path) can't be read: a region isn't valid")
        }
        let file = OpenFile(try system.open(path, O_RDONLY | O_NONBLOCK).orThrow("opened", path), system)
        let status = try system.status(file.descriptor).orThrow("opened", path)
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw LogError(.notALog, "\(path) is not a regular file")
        }
        if let other = file.begin(.snapshots) { throw LogError(.busy, "\(path) is \(other)") }
        let buffer = RawBuffer()
        guard buffer.reserve(SnapshotFileHeader.largest) else {
            throw LogError.system(.noMemory, "read", path)
        }
        let count = try system.read(file.descriptor, into: buffer.bytes, at: 0).orThrow("read", path)
        let header = try SnapshotFileHeader.decode(
            UnsafeRawBufferPointer(rebasing: buffer.readOnly[..<count]), path: path)
        try header.check(identity, path: path)
        self.path = path
        self.layout = layout
        index = try RecordIndex(file, path: path, header: header, layout: layout, system: system)
        guard let groups = GroupReader(index, cachedGroups: cachedGroups, start: start) else {
            throw LogError.system(.noMemory, "read", path)
        }
        self.groups = groups
        disks = DiskReader(index)
        try refresh()
    }

    /// The snapshots, in the order of the file.
    package var labels: [SnapshotLabel] { commits.map(\.label) }

    /// Some bytes of the file aren't those that were written. (Others may be too, where nobody has looked.)
    package var hasDamage: Bool { index.hasDamage || dropped > 0 }

    /// Finds what was added since the last call.
    package func refresh() throws(LogError) {
        _ = try index.scan()
        while scanned < index.entries.count {
            let entry = scanned
            if index.entries[entry].header.kind == .commit {
                guard commits.makeRoom() else { throw LogError.system(.noMemory, "read", path) }
                if let commit = try damageAsNil({ () throws(LogError) in try self.commit(entry) }) {
                    commits.append((commit.label, entry))
                } else {
                    dropped &+= 1
                }
            }
            scanned &+= 1
        }
    }

    /// A commit, all of whose records are there.
    private func commit(_ entry: Int) throws(LogError) -> CommitPayload {
        let sequence = index.entries[entry].header.sequence
        let bytes = try index.payload(entry)
        guard bytes.count == CommitPayload.size(layout), let commit = CommitPayload(decoding: bytes),
            index.find(commit.state, .state, before: sequence) != nil,
            commit.overlay == 0 || index.find(commit.overlay, .overlay, before: sequence) != nil
        else { throw index.damage(entry) }
        for leaf in 0..<layout.leafCount {
            guard let bits = CommitPayload.leaf(leaf, in: bytes) else { throw index.damage(entry) }
            switch FileReference(bits: bits).target {
            case .ownStart: break
            case .member(let record, _) where index.find(record, .leaf, before: sequence) != nil: break
            default: throw index.damage(entry)
            }
        }
        return commit
    }

    // MARK: Snapshots

    /// Reads a snapshot's table, and checks all that it needs. A damaged one is dropped, and the error says what is
    /// damaged; nil: there is no such snapshot.
    package func open(_ id: UInt64) throws(LogError) -> FileSnapshot? {
        guard let place = commits.lastIndex(where: { $0.label.id == id }) else { return nil }
        do throws(LogError) {
            return try read(commits[place].entry)
        } catch {
            if error.code == .damaged {
                commits.remove(at: place)
                dropped &+= 1
            }
            throw error
        }
    }

    private func read(_ entry: Int) throws(LogError) -> FileSnapshot {
        let sequence = index.entries[entry].header.sequence
        let commit = try commit(entry)
        guard let snapshot = FileSnapshot(commit, layout) else {
            throw LogError.system(.noMemory, "read", path)
        }
        // The payload is in a buffer that is used again.
        let payload = try index.payload(entry)
        for leaf in 0..<layout.leafCount {
            snapshot.references[leaf &* PageLayout.leafPages] = CommitPayload.leaf(leaf, in: payload) ?? 0
        }
        try readLeaves(snapshot)
        for leaf in 0..<layout.leafCount {
            let pages = layout.pages(ofLeaf: leaf)
            for number in 0..<pages.count {
                let bits = snapshot.references[leaf &* PageLayout.leafPages &+ number]
                let size = layout.pageBytes(pages.first)
                guard try groups.check(FileReference(bits: bits), size, before: sequence) else {
                    throw index.damage(entry)
                }
            }
        }
        _ = try state(of: snapshot)
        _ = try disks(of: snapshot)
        return snapshot
    }

    /// Replaces the references to leaves by the leaves. Each record is read once, if several leaves are in it.
    private func readLeaves(_ snapshot: FileSnapshot) throws(LogError) {
        guard CheckedMemory.has(2 &* layout.leafCount &* 16) else {
            throw LogError.system(.noMemory, "read", path)
        }
        var wanted = (0..<layout.leafCount).map {
            (leaf: $0, bits: snapshot.references[$0 &* PageLayout.leafPages])
        }
        wanted.sort { $0.bits < $1.bits }
        var current: (entry: Int, payload: UnsafeRawBufferPointer)?
        for (leaf, bits) in wanted {
            guard case .member(let sequence, let number)? = FileReference(bits: bits).target,
                let entry = index.find(sequence, .leaf, before: UInt64.max)
            else { continue }
            if current?.entry != entry { current = (entry, try index.payload(entry)) }
            let target = snapshot.references + leaf &* PageLayout.leafPages
            guard let current,
                LeafPayload.copy(
                    number, first: layout.pages(ofLeaf: leaf).first, in: current.payload, to: target)
            else { throw index.damage(entry) }
        }
    }

    /// The state that was given with the snapshot. Valid until the next call.
    package func state(of snapshot: FileSnapshot) throws(LogError) -> UnsafeRawBufferPointer {
        guard let entry = index.find(snapshot.commit.state, .state, before: UInt64.max) else {
            throw LogError(.damaged, "\(path) has lost the state of a snapshot")
        }
        return try index.payload(entry)
    }

    /// The disks that the guest writes to, which are sound.
    package func disks(of snapshot: FileSnapshot) throws(LogError) -> [FileDisk] {
        guard snapshot.commit.overlay != 0 else { return [] }
        guard let entry = index.find(snapshot.commit.overlay, .overlay, before: UInt64.max) else {
            throw LogError(.damaged, "\(path) has lost the disks of a snapshot")
        }
        return try disks.disks(entry)
    }

    /// Copies bytes of a disk from a place that its map names.
    package func loadDisk(_ place: UInt64, into target: UnsafeMutableRawBufferPointer) throws(LogError) {
        try disks.load(place, into: target)
    }

    /// Copies a page as it is in a snapshot.
    package func materialize(
        _ address: PageAddress, of snapshot: FileSnapshot, into target: UnsafeMutableRawBufferPointer
    ) throws(LogError) {
        guard layout.contains(address), target.count == layout.pageBytes(address) else {
            throw LogError(.misuse, "there is no such page")
        }
        try groups.load(snapshot.reference(address, layout), address, into: target)
    }

    /// Opens every snapshot once: afterwards only sound ones are left.
    package func verify() throws(LogError) {
        for label in labels { _ = try damageAsNil { () throws(LogError) in try self.open(label.id) } }
    }

    private func damageAsNil<Value>(_ body: () throws(LogError) -> Value?) throws(LogError) -> Value? {
        do throws(LogError) { return try body() } catch {
            if error.code == .damaged { return nil }
            throw error
        }
    }
}
