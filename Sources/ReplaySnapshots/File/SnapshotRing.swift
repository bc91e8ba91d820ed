import Glibc
import ReplayLog
import ReplaySystem

/// The snapshots of a recorder that keeps only the last part of its run: see ``LogRing``.
///
/// The first store is `NAME.snap`. From time to time a new one begins, as `NAME.snap.new`, with a whole snapshot. When
/// the log begins in it, it becomes `NAME.snap`.
package final class SnapshotRing {
    private let path: String
    private let identity: SnapshotFileIdentity
    private let ring: LogRing
    private let folder: Folder
    private let name: String
    private let system: Syscalls
    private var writer: SnapshotFileWriter?
    /// The number of the last store.
    private var generation: UInt64 = 0
    /// Why nothing is written any more.
    package private(set) var failure: LogError?

    fileprivate static let suffix = ".new"

    /// - Parameter replaces: a store of a different recording is overwritten.
    package init(
        path: String, identity: SnapshotFileIdentity, replaces: Bool, ring: LogRing, system: Syscalls
    ) throws(LogError) {
        guard let (folderPath, name) = Folder.split(path) else {
            throw LogError(.notFound, "'\(path)' is not a usable name for a file")
        }
        folder = try Folder.open(folderPath, system).orThrow("opened", path)
        self.path = path
        self.name = name
        self.identity = identity
        self.ring = ring
        self.system = system
        if replaces { remove() }
        try begin(replaces: replaces)
    }

    /// Begins a store.
    private func begin(replaces: Bool) throws(LogError) {
        generation &+= 1
        let number = generation
        let ring = self.ring
        // The file's own blocks begin with its header.
        writer = try SnapshotFileWriter(
            path: number == 1 ? path : path + Self.suffix, identity: identity, replaces: replaces,
            continues: false, system: system, reserve: { ring.reserve(store: number, $0) })
        let (folder, name) = (folder, name)
        let path = path
        ring.beginStore(number) { _ throws(LogError) in
            try folder.rename(name + Self.suffix, name, replacing: true).orThrow("replaced", path)
            folder.sync()
        }
        _ = ring.reserve(store: number, Int(writer?.length ?? 0))
    }

    /// Writes a snapshot, and forgets all others in memory, which are in a file.
    package func append(_ id: UInt64, of store: PageStore, disks: [DiskState] = []) {
        defer { ring.noteStored() }
        for label in store.labels where label.id != id { store.drop(label.id) }
        guard failure == nil, let state = store.state(of: id),
            let position = SnapshotPosition(state: state)
        else { return }
        do throws(LogError) {
            if ring.wantsStore(isWriting: writer != nil) {
                try writer?.finish()
                writer = nil
                try begin(replaces: true)
            }
            guard let writer else { return }
            writer.append(id, of: store, disks: disks)
            if let failure = writer.failure { throw failure }
            // On the disk before the log refers to it.
            try writer.sync()
            let place = LogRing.Place(
                icount: position.icount, event: position.event, chain: position.chain, generation: generation)
            if let failure = ring.offer(place) { throw failure }
        } catch {
            giveUp(error)
        }
    }

    /// There is no snapshot, because memory ran out.
    package func noteMissing() { ring.noteStored() }

    /// The store ends here. If there was no room, a new one may have some later.
    private func giveUp(_ error: LogError) {
        let isEmpty = writer?.written == 0
        writer = nil
        if isEmpty, generation > 1 {
            remove()
            ring.endStore(generation)
        }
        if error.code != .tooLarge { failure = error }
    }

    /// Removes the store without a final name, which nothing needs.
    private func remove() {
        guard case .success(let file) = folder.open(name + Self.suffix, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        else { return }
        guard isStore(file, system) else { return }
        _ = folder.remove(name + Self.suffix, of: file)
    }

    /// Writes what is in the file to the disk. A store that nothing needs is removed.
    package func finish() throws(LogError) {
        ring.endStores()
        defer { if generation > 1 { remove() } }
        let last = writer
        writer = nil
        try last?.finish()
    }
}

private func isStore(_ file: OpenFile, _ system: Syscalls) -> Bool {
    var head = [UInt8](repeating: 0, count: SnapshotFileHeader.magic.count)
    let count = head.withUnsafeMutableBytes { system.read(file.descriptor, into: $0, at: 0) }
    guard case .success(head.count) = count else { return false }
    return head == SnapshotFileHeader.magic
}

/// Removes the snapshots of a recording that was replaced. What isn't a store, or is used by somebody, stays.
package func removeSnapshots(path: String, _ system: Syscalls) {
    guard let (folderPath, name) = Folder.split(path),
        case .success(let folder) = Folder.open(folderPath, system)
    else { return }
    for name in [name, name + SnapshotRing.suffix] {
        guard case .success(let file) = folder.open(name, O_RDWR),
            case .success(let status) = system.status(file.descriptor), status.st_mode & S_IFMT == S_IFREG,
            FileUse.conflict(file.descriptor) == nil, isStore(file, system),
            case .success = system.lock(file.descriptor)
        else { continue }
        _ = folder.remove(name, of: file)
    }
}
