import Glibc
import Synchronization

/// The writing side of `NAME.live`: a shared mapping that outlives the process.
///
/// A segment is free or active. It becomes active when everything that describes it is in place,
/// and free again when its chunk is wholly in `NAME`: a kill between any two stores leaves every
/// committed event in one of the two files, perhaps in both.
final class LiveFile: @unchecked Sendable {
    // Sendable: recorder and sealer share it; each changes only the segment that it owns at the
    // time, and the words which both sides read are atomic.

    typealias Word = UnsafeMutablePointer<Atomic<UInt64>>

    let layout: LiveLayout
    private let system: Syscalls
    private let path: String
    private let descriptor: Int32
    private let mapping: UnsafeMutableRawPointer
    private let created: Bool
    private var isOpen = true

    /// Takes the lock, reserves the space, and maps it. What an earlier recording left is still there.
    init(path: String, layout: LiveLayout, system: Syscalls) throws(LogError) {
        let (descriptor, created) = try LiveFile.openLocked(path, system)
        var failure = system.allocate(descriptor, size: layout.fileSize).map {
            LogError.system($0, "given its space", path)
        }
        var mapping: UnsafeMutableRawPointer?
        if failure == nil {
            switch system.map(descriptor, size: layout.fileSize) {
            case .success(let start): mapping = start
            case .failure(let error): failure = LogError.system(error, "mapped", path)
            }
        }
        guard let mapping, failure == nil else {
            if created { _ = system.unlink(path) }
            system.close(descriptor)
            throw failure ?? LogError.system(ENOMEM, "mapped", path)
        }
        self.path = path
        self.created = created
        self.layout = layout
        self.system = system
        self.descriptor = descriptor
        self.mapping = mapping
    }

    deinit {
        close()
    }

    /// Unmaps the segments and gives the lock away.
    func close() {
        guard isOpen else { return }
        isOpen = false
        system.unmap(mapping, size: layout.fileSize)
        system.close(descriptor)
    }

    /// A recorder that can't begin leaves nothing of its own behind.
    func removeIfCreated() {
        if created { _ = system.unlink(path) }
    }

    /// Opens and locks; makes sure that the file locked is the one that has the name.
    private static func openLocked(_ path: String, _ system: Syscalls) throws(LogError) -> (
        Int32, created: Bool
    ) {
        for _ in 0..<100 {
            var created = true
            var opened = system.open(path, O_RDWR | O_CREAT | O_EXCL)
            if case .failure(EEXIST) = opened {
                created = false
                opened = system.open(path, O_RDWR)
            }
            let descriptor: Int32
            switch opened {
            case .success(let value): descriptor = value
            case .failure(ENOENT) where !created: continue
            case .failure(let error): throw LogError.system(error, "made", path)
            }
            if let error = system.lock(descriptor) {
                system.close(descriptor)
                if error == EAGAIN || error == EACCES {
                    throw LogError(.busy, "\(path) is being written by another recorder")
                }
                if created { _ = system.unlink(path) }
                throw LogError.system(error, "locked", path)
            }
            let (mine, named) = (system.status(descriptor), system.status(path: path))
            if case .success(let mine) = mine, case .success(let named) = named, named.st_ino == mine.st_ino,
                named.st_dev == mine.st_dev
            {
                return (descriptor, created)
            }
            system.close(descriptor)
            if case .failure(let error) = mine {
                if created { _ = system.unlink(path) }
                throw LogError.system(error, "examined", path)
            }
            // Its last recorder finished and removed it in between.
        }
        throw LogError(.busy, "\(path) comes and goes")
    }

    /// Begins anew: both segments free, nothing bound.
    func reset() {
        for index in 0..<LiveLayout.segmentCount {
            store(LiveLayout.free, in: word(layout.segmentOffset(index) &+ LiveLayout.stateOffset))
        }
        UnsafeMutableRawBufferPointer(start: mapping, count: LiveLayout.headerSize).initializeMemory(
            as: UInt8.self, repeating: 0)
        copy(layout.encoded(), to: 0)
    }

    /// Binds the file to a `NAME` whose metadata chunk's header has that checksum.
    func bind(_ metadataChecksum: UInt64) {
        let value = UInt32(truncatingIfNeeded: metadataChecksum)
        store(LiveLayout.guarded(value), in: word(LiveLayout.bindingOffset))
    }

    /// Leaves word of why the recording died.
    func noteFailure(_ error: Int32) {
        store(LiveLayout.guarded(UInt32(bitPattern: error)), in: word(LiveLayout.failureOffset))
    }

    /// Makes a free segment ready for events.
    func activate(_ index: Int, _ header: LiveSegmentHeader) {
        let start = layout.segmentOffset(index)
        copy(header.encoded(), to: start &+ LiveLayout.describedOffset)
        store(RunningChecksum.published(header.chain, length: 0), in: committed(index))
        store(LiveLayout.active, in: word(start &+ LiveLayout.stateOffset))
    }

    func markFree(_ index: Int) {
        store(LiveLayout.free, in: word(layout.segmentOffset(index) &+ LiveLayout.stateOffset))
    }

    /// Where the segment's events begin.
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

    func sync() -> Int32? {
        system.sync(mapping, size: layout.fileSize)
    }

    func remove() -> Int32? {
        system.unlink(path)
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
