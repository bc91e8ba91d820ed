import CSystem
import Glibc
import ReplaySystem
import Synchronization

/// The writing side of `NAME.live`: a shared mapping that outlives the process.
///
/// A segment is free or active. It becomes active when its description is complete,
/// and free again when its chunk is completely in `NAME`. So a kill between any two stores leaves every
/// committed event in one of the two files, or in both.
final class LiveFile: @unchecked Sendable {
    // Sendable: recorder and sealer share it. Each changes only the segment that it owns at the
    // time, and the words that both read are atomic.

    typealias Word = EventEncoder.Word

    let layout: LiveLayout
    /// Locked while it is open.
    let file: OpenFile
    private let system: Syscalls
    private let path: String
    private let mapping: UnsafeMutableRawPointer
    private let guarded: OpaquePointer
    private var isOpen = true

    /// Takes over an empty, locked file: writes its header, reserves its space, and maps it.
    init(path: String, file: OpenFile, layout: LiveLayout, system: Syscalls) throws(LogError) {
        let header = layout.encoded()
        try header.withUnsafeBytes { system.write(file.descriptor, $0, at: 0) }.orThrow("written", path)
        try system.allocate(file.descriptor, size: layout.fileSize).orThrow("given its space", path)
        mapping = try system.map(file.descriptor, size: layout.fileSize).orThrow("mapped", path)
        guard let guarded = replay_mapping_guard(mapping, layout.fileSize) else {
            system.unmap(mapping, size: layout.fileSize)
            throw LogError.system(.noMemory, "mapped", path)
        }
        self.guarded = guarded
        self.path = path
        self.file = file
        self.layout = layout
        self.system = system
        for index in 0..<layout.segmentCount { markFree(index) }
    }

    deinit {
        close()
    }

    /// Unmaps the segments. The lock ends with the file.
    func close() {
        guard isOpen else { return }
        isOpen = false
        // First, because something else may be mapped there as soon as it is unmapped.
        replay_mapping_release(guarded)
        system.unmap(mapping, size: layout.fileSize)
    }

    /// Was a page touched that was no longer in the file? Cheap.
    var isLost: Bool { replay_mapping_is_lost(guarded) }

    /// What something else did to the file.
    func damage() -> LogError? {
        if !isLost, case .success(let status) = system.status(file.descriptor),
            status.st_size >= layout.fileSize
        {
            return nil
        }
        return LogError(.lost, "\(path) was truncated by something else while it was recorded")
    }

    /// Removes everything, including the header page.
    var isEmptied: Bool {
        guard isOpen, case .success(let status) = system.status(file.descriptor) else { return false }
        return status.st_size < LiveLayout.headerSize
    }

    /// Removes everything except the header page.
    func shrink() {
        _ = system.truncate(file.descriptor, size: UInt64(LiveLayout.headerSize))
    }

    /// Ties the file to the `NAME` with that inode number, until it is called `NAME.live`; 0: to none.
    func tie(to inode: UInt64) {
        copy(LiveLayout.encodedTie(inode), to: LiveLayout.tieOffset)
    }

    /// Binds the file to a `NAME` whose metadata chunk's header has that checksum.
    func bind(_ metadataChecksum: UInt64) {
        let value = UInt32(truncatingIfNeeded: metadataChecksum)
        store(LiveLayout.guarded(value), in: word(LiveLayout.bindingOffset))
    }

    /// What ``bind(_:)`` stored.
    var binding: UInt64 { word(LiveLayout.bindingOffset).pointee.load(ordering: .relaxed) }

    /// Stores why the recording died.
    func noteFailure(_ error: Int32) {
        store(LiveLayout.guarded(UInt32(bitPattern: error)), in: word(LiveLayout.failureOffset))
    }

    /// Activates a free segment.
    func activate(_ index: Int, _ header: LiveSegmentHeader) {
        let start = layout.segmentOffset(index)
        copy(header.encoded(), to: start &+ LiveLayout.describedOffset)
        store(RunningChecksum.published(header.chain, length: 0), in: committed(index))
        store(LiveLayout.active, in: word(start &+ LiveLayout.stateOffset))
    }

    func markFree(_ index: Int) {
        store(LiveLayout.free, in: word(layout.segmentOffset(index) &+ LiveLayout.stateOffset))
    }

    /// The place where the segment's events begin.
    func data(_ index: Int) -> UnsafeMutableRawPointer {
        mapping + (layout.segmentOffset(index) &+ layout.dataOffset)
    }

    /// The committed length and the upper half of the running checksum.
    func committed(_ index: Int) -> Word {
        word(layout.segmentOffset(index) &+ LiveLayout.committedOffset)
    }

    /// Notes the running checksum at an event's beginning.
    func mark(_ index: Int, offset: Int, state: UInt64) {
        let slot = min(offset / LiveLayout.markInterval, layout.markCount &- 1)
        let place =
            mapping
            + (layout.segmentOffset(index) &+ LiveLayout.marksOffset &+ slot &* LiveLayout.markSize)
        place.storeBytes(of: UInt64(truncatingIfNeeded: offset).littleEndian, as: UInt64.self)
        place.storeBytes(of: state.littleEndian, toByteOffset: 8, as: UInt64.self)
    }

    /// Syncs the header page, which isn't written for each event.
    func syncHeader() -> Syscalls.Result<Void> {
        system.sync(mapping, size: LiveLayout.headerSize)
    }

    func sync() -> Syscalls.Result<Void> {
        system.sync(mapping, size: layout.fileSize)
    }

    private func word(_ offset: Int) -> Word {
        (mapping + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    private func store(_ value: UInt64, in word: Word) {
        word.pointee.store(value.littleEndian, ordering: .releasing)
    }

    private func copy(_ bytes: [UInt8], to offset: Int) {
        UnsafeMutableRawBufferPointer(start: mapping + offset, count: bytes.count).copyBytes(from: bytes)
    }
}
