import Glibc
import ReplayLog
import ReplaySystem
import Synchronization

/// Appends snapshots to `NAME.snap`. There is one writer at a time, which holds the file's lock.
///
/// Each version and leaf is written once. If a record can't be written completely, the file is cut back to the last
/// whole one, and nothing more is written: the snapshots in memory, and the run, go on. If a snapshot doesn't fit into
/// the limit, the file ends with the one before it.
package final class SnapshotFileWriter {
    private let system: Syscalls
    private let file: OpenFile
    package let path: String
    private let layout: PageLayout
    private let compressor: Compressor
    private let storeChecksum: UInt64
    private let buffer = RawBuffer()
    /// The file doesn't become longer.
    private let limit: UInt64
    /// Is there room on the disk for so many bytes more?
    private let reserve: (Int) -> Bool
    private var tail: UInt64
    private var sequence: UInt64 = 1
    private lazy var disks = DiskWriter(self)
    /// Leaves that are to be written next.
    private var leaves: [(index: Int, leaf: Leaf)] = []
    /// Distinguishes the writers of this process.
    private let number: UInt64
    private static let numbers = Atomic<UInt64>(0)
    /// An error, after which nothing is written any more.
    package private(set) var failure: LogError?
    /// A snapshot didn't fit into the limit.
    private var isFull = false
    /// The snapshots that were written.
    package private(set) var written: UInt64 = 0
    /// The snapshots that were left out because the file has reached its limit.
    package private(set) var skipped: UInt64 = 0

    /// Creates a store, or continues one of the same recording and machine, after its last whole record.
    ///
    /// - Parameters:
    ///   - replaces: a store of a different recording, and a damaged one, is overwritten.
    ///   - continues: false: any store counts as one of a different recording.
    package init(
        path: String, identity: SnapshotFileIdentity, replaces: Bool = false, continues: Bool = true,
        limit: UInt64 = .max,
        system: Syscalls = Syscalls(), reserve: @escaping (Int) -> Bool = { _ in true }
    ) throws(LogError) {
        guard let layout = PageLayout(identity.regions) else {
            throw LogError(.misuse, "\(path) can't be written: a region isn't valid")
        }
        guard let compressor = Compressor(level: 1) else { throw LogError.system(.noMemory, "written", path) }
        let header = SnapshotFileHeader(identity: identity)
        let file = OpenFile(
            try system.open(path, O_RDWR | O_CREAT | O_NONBLOCK | O_NOFOLLOW).orThrow("opened", path), system)
        self.system = system
        self.file = file
        self.path = path
        self.layout = layout
        self.compressor = compressor
        self.limit = limit
        self.reserve = reserve
        storeChecksum = header.checksum
        tail = 0
        number = SnapshotFileWriter.numbers.add(1, ordering: .relaxed).newValue
        leaves.reserveCapacity(LeafPayload.most)
        try claim()
        if let index = try existing(header, replaces: replaces, continues: continues) {
            tail = index.end
            sequence = (index.entries.last?.header.sequence ?? 0) &+ 1
            try system.truncate(file.descriptor, size: tail).orThrow("written", path)
        } else {
            try begin(header)
        }
    }

    private func claim() throws(LogError) {
        let status = try system.status(file.descriptor).orThrow("opened", path)
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw LogError(.notALog, "\(path) is not a regular file")
        }
        switch system.lock(file.descriptor) {
        case .success: break
        case .failure(EAGAIN), .failure(EACCES):
            let user = FileUse.conflict(file.descriptor) ?? "written by another session"
            throw LogError(.busy, "\(path) is \(user)")
        case .failure(let error): throw LogError.system(error, "locked", path)
        }
        if let other = file.begin(.snapshots) { throw LogError(.busy, "\(path) is \(other)") }
    }

    /// The records of the store that the file has; nil: it is to be written anew.
    private func existing(_ header: SnapshotFileHeader, replaces: Bool, continues: Bool) throws(LogError)
        -> RecordIndex?
    {
        let start = RawBuffer()
        guard start.reserve(SnapshotFileHeader.largest) else {
            throw LogError.system(.noMemory, "read", path)
        }
        let count = try system.read(file.descriptor, into: start.bytes, at: 0).orThrow("read", path)
        let bytes = UnsafeRawBufferPointer(rebasing: start.readOnly[..<count])
        // The writer died at once.
        if header.encoded().starts(with: bytes) && count < header.size { return nil }
        do throws(LogError) {
            let found = try SnapshotFileHeader.decode(bytes, path: path)
            try found.check(header.identity, path: path)
            if !continues { throw LogError(.exists, "\(path) exists") }
        } catch {
            if replaces && error.code != .notALog { return nil }
            throw error
        }
        let index = try RecordIndex(file, path: path, header: header, layout: layout, system: system)
        _ = try index.scan()
        return index
    }

    private func begin(_ header: SnapshotFileHeader) throws(LogError) {
        let bytes = header.encoded()
        try system.truncate(file.descriptor, size: 0).orThrow("written", path)
        let result = bytes.withUnsafeBytes { system.write(file.descriptor, $0, at: 0) }
        try result.orThrow("written", path)
        tail = UInt64(truncatingIfNeeded: bytes.count)
    }

    /// The file's length.
    package var length: UInt64 { tail }

    /// Why nothing is written any more.
    package var end: LogError? {
        if let failure { return failure }
        return isFull ? LogError(.tooLarge, "\(path) has the size that rrsnapsize=\(limit) allows") : nil
    }

    /// Writes what is in the file to the disk.
    package func sync() throws(LogError) {
        try system.sync(file.descriptor).orThrow("synced", path)
    }

    /// Writes what is in the file to the disk, and releases the file.
    package func finish() throws(LogError) {
        if let failure { throw failure }
        defer { file.close() }
        try system.sync(file.descriptor).orThrow("synced", path)
    }

    // MARK: Snapshots

    /// Writes a snapshot, and what it needs and the file doesn't have. Errors are in ``failure``.
    ///
    /// - Parameter states: the disks that the guest writes to.
    package func append(_ id: UInt64, of store: PageStore, disks states: [DiskState] = []) {
        guard failure == nil, let snapshot = store.find(id) else { return }
        if isFull {
            skipped &+= 1
            return
        }
        let start = (tail, sequence)
        // What the store knows of a different file.
        if store.writer != number { store.forgetFile() }
        store.writer = number
        do throws(LogError) {
            try write(snapshot, store, states)
            written &+= 1
        } catch {
            leaves.removeAll()
            guard isFull else {
                failure = error
                return
            }
            skipped &+= 1
            (tail, sequence) = start
            _ = system.truncate(file.descriptor, size: tail)
        }
    }

    private func write(_ snapshot: Snapshot, _ store: PageStore, _ states: [DiskState]) throws(LogError) {
        for index in 0..<layout.leafCount {
            guard let leaf = snapshot.table[index], leaf.reference == 0 else { continue }
            for entry in 0..<PageLayout.leafPages {
                try writeGroup(of: leaf.entries[entry], store.store)
            }
            leaves.append((index, leaf))
            if leaves.count == LeafPayload.most { try writeLeaves(store) }
        }
        try writeLeaves(store)
        var commit = CommitPayload(label: snapshot.label, state: sequence, overlay: 0)
        try put(.state, [], snapshot.stateBytes, compress: true)
        if !states.isEmpty {
            let overlay = try disks.write(states)
            commit.overlay = sequence
            try put(.overlay, overlay, compress: true)
        }
        // The array doubles its size as it grows.
        guard CheckedMemory.has(3 &* CommitPayload.size(layout)) else { throw memoryRanOut }
        let bytes = commit.encoded(snapshot.table, layout)
        try put(.commit, bytes, compress: true)
    }

    /// Writes the group of a version, after those of the versions that its members are differences from.
    private func writeGroup(of version: Version, _ store: VersionStore) throws(LogError) {
        guard version >= FixedVersion.count, store.versions[version].pointee.origin == 0 else { return }
        let number = store.versions[version].pointee.group
        guard store.groups[number].pointee.record == 0 else { return }
        let group = store.groups[number].pointee
        for index in 0..<Int(group.memberCount) where group.members[index] != 0 {
            let base = store.versions[group.members[index]].pointee.base
            // A base isn't a difference itself: this goes one deep.
            if base != 0 { try writeGroup(of: base, store) }
        }
        let record = sequence
        let stored = UnsafeRawBufferPointer(start: group.bytes, count: group.storedLength)
        try put(.pages, PagesPayload.encodedHead(group, in: store), stored, compress: false)
        store.groups[number].pointee.record = record
    }

    private func writeLeaves(_ store: PageStore) throws(LogError) {
        guard !leaves.isEmpty else { return }
        defer { leaves.removeAll(keepingCapacity: true) }
        let record = sequence
        try put(.leaf, LeafPayload.encoded(leaves, in: store), compress: true)
        for (number, entry) in leaves.enumerated() {
            entry.leaf.reference = FileReference(sequence: record, member: number).bits
        }
    }

    // MARK: Records

    /// The number of the next record.
    var nextSequence: UInt64 { sequence }

    var memoryRanOut: LogError { LogError.system(.noMemory, "written", path) }

    func put(_ kind: RecordHeader.Kind, _ bytes: [UInt8], compress: Bool) throws(LogError) {
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        try put(kind, bytes, empty, compress: compress)
    }

    /// Appends a record, wholly or not at all. Its payload is in two parts.
    func put(
        _ kind: RecordHeader.Kind, _ head: [UInt8], _ rest: UnsafeRawBufferPointer, compress: Bool
    ) throws(LogError) {
        let length = head.count &+ rest.count
        guard length <= RecordHeader.longestPayload, sequence <= FileReference.lastSequence else {
            throw LogError(.tooLarge, "\(path) can't be written: \(length) bytes are too long for a record")
        }
        let room = compress ? max(length, Compressor.bound(length)) : length
        // The header, what is written, and what is compressed.
        guard buffer.reserve(RecordHeader.size &+ room &+ (compress ? length : 0)), let start = buffer.start
        else { throw memoryRanOut }
        let payload = start + RecordHeader.size
        let source = compress ? payload + room : payload
        head.withUnsafeBytes {
            if let bytes = $0.baseAddress { source.copyMemory(from: bytes, byteCount: $0.count) }
        }
        if let bytes = rest.baseAddress {
            (source + head.count).copyMemory(from: bytes, byteCount: rest.count)
        }
        var header = RecordHeader(kind: kind, sequence: sequence, store: storeChecksum)
        var stored = length
        if compress {
            if let count = compressor.compress(
                UnsafeRawBufferPointer(start: source, count: length),
                into: UnsafeMutableRawBufferPointer(start: payload, count: room))
            {
                header.codec = .zstd
                stored = count
            } else {
                payload.copyMemory(from: source, byteCount: length)
            }
        }
        header.rawLength = UInt32(truncatingIfNeeded: length)
        header.storedLength = UInt32(truncatingIfNeeded: stored)
        header.payloadChecksum = Checksum.xxh3(UnsafeRawBufferPointer(start: payload, count: stored))
        UnsafeMutableRawBufferPointer(start: start, count: RecordHeader.size).copyBytes(
            from: header.encoded())
        try append(UnsafeRawBufferPointer(start: start, count: RecordHeader.size &+ stored))
        sequence &+= 1
    }

    private func append(_ bytes: UnsafeRawBufferPointer) throws(LogError) {
        guard tail <= limit, UInt64(truncatingIfNeeded: bytes.count) <= limit &- tail else {
            isFull = true
            throw LogError(.tooLarge, "\(path) has no room for a snapshot")
        }
        guard reserve(bytes.count) else { throw LogError(.tooLarge, "\(path) has no room for a snapshot") }
        if case .failure(let error) = system.write(file.descriptor, bytes, at: tail) {
            _ = system.truncate(file.descriptor, size: tail)
            throw LogError.system(error, "written", path, offset: tail)
        }
        tail &+= UInt64(truncatingIfNeeded: bytes.count)
    }
}
