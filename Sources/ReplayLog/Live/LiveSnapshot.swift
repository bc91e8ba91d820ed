import Glibc
import ReplaySystem

/// The reading side of `NAME.live`: a copy of what was committed at one moment, possibly while a
/// recorder continues. The file isn't mapped, so truncating it can't crash the reader.
struct LiveSnapshot {
    /// One active segment.
    struct Segment {
        var header: LiveSegmentHeader
        /// The committed length, and the upper half of the running checksum after it.
        var committed: UInt64
        /// The events that could be read.
        var bytes: RawBuffer
        var available: Int
        var marks: [UInt8]
        /// Where its events begin in the file.
        var offset: UInt64

        var length: Int { Int(UInt32(truncatingIfNeeded: committed)) }
    }

    let path: String
    /// Does a recorder have it open now?
    var isHeld = false
    /// The lower half of the checksum of the metadata chunk's header.
    var binding: UInt32?
    /// The inode number of the `NAME` that it belongs to, as long as it isn't called `NAME.live`; 0: none.
    var tie: UInt64 = 0
    /// The identity of the file that was read.
    private var identity: (dev_t, ino_t) = (0, 0)
    /// The errno with which the recorder died.
    var failure: Int32?
    /// In the order of their sequence numbers.
    var segments: [Segment] = []
    /// The damage that was found.
    var damage: LogError?

    /// Nil if the file doesn't exist.
    init?(path: String, system: Syscalls) throws(LogError) {
        self.path = path
        let descriptor: Int32
        switch system.open(path, O_RDONLY | O_NONBLOCK) {
        case .success(let value): descriptor = value
        case .failure(ENOENT): return nil
        case .failure(let error): throw LogError.system(error, "opened", path)
        }
        defer { system.close(descriptor) }
        if case .success(let status) = system.status(descriptor) {
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw LogError(.notALog, "\(path) is not a regular file")
            }
            identity = (status.st_dev, status.st_ino)
        }
        isHeld = system.isLocked(descriptor)
        let file = File(path: path, descriptor: descriptor, system: system)
        let page = try file.bytes(at: 0, count: LiveLayout.headerSize)
        guard let layout = page.withUnsafeBytes({ readHeader($0) }) else {
            note(damageAt: 0, "its header")
            return
        }
        for index in 0..<layout.segmentCount {
            try readSegment(index, layout, file)
        }
        segments.sort { $0.header.sequence < $1.header.sequence }
        // While they were read, a recorder may have emptied some, and used others.
        if isHeld { return }
        for (one, next) in zip(segments, segments.dropFirst())
        where one.header.sequence &+ 1 != next.header.sequence {
            note(damageAt: 0, "its order")
        }
    }

    /// Whether a name still refers to the file that was read, or to none if none was.
    static func isCurrent(_ snapshot: LiveSnapshot?, _ path: String, _ system: Syscalls) -> Bool {
        guard case .success(let status) = system.status(path: path) else { return snapshot == nil }
        return snapshot.map { $0.identity == (status.st_dev, status.st_ino) } ?? false
    }

    private mutating func readHeader(_ page: UnsafeRawBufferPointer) -> LiveLayout? {
        guard page.count == LiveLayout.headerSize, let layout = LiveLayout(decoding: page) else { return nil }
        var reader = ByteReader(page)
        guard reader.readBytes(LiveLayout.bindingOffset) != nil, let bindingWord = reader.readUInt64(),
            let failureWord = reader.readUInt64(), let tieBytes = reader.readBytes(LiveLayout.tieSize),
            let tie = LiveLayout.tie(decoding: tieBytes),
            reader.skipZeros(to: LiveLayout.headerSize)
        else { return nil }
        let (binding, bindingDamaged) = LiveLayout.unguard(bindingWord)
        let (failure, failureDamaged) = LiveLayout.unguard(failureWord)
        if bindingDamaged || failureDamaged { return nil }
        self.binding = binding
        self.tie = tie
        self.failure = failure.map { Int32(bitPattern: $0) }
        return layout
    }

    /// Reads the words that say how far the rest is valid before the rest, and again after it: the recorder may
    /// have reused the segment meanwhile.
    private mutating func readSegment(_ index: Int, _ layout: LiveLayout, _ file: File) throws(LogError) {
        let start = layout.segmentOffset(index)
        for _ in 0..<100 {
            let before = try file.bytes(at: start, count: LiveLayout.marksOffset)
            guard let found = before.withUnsafeBytes({ Words($0) }) else { break }
            guard let header = found.header else { return }
            let length = Int(UInt32(truncatingIfNeeded: found.committed))
            guard length <= layout.capacity else { break }
            let bytes = RawBuffer()
            let available = try file.read(at: start &+ layout.dataOffset, count: length, into: bytes)
            let marks = try file.bytes(
                at: start &+ LiveLayout.marksOffset, count: layout.markCount &* LiveLayout.markSize)
            let after = try file.bytes(at: start, count: LiveLayout.marksOffset)
            guard after.prefix(LiveLayout.committedOffset) == before.prefix(LiveLayout.committedOffset) else {
                continue
            }
            segments.append(
                Segment(
                    header: header, committed: found.committed, bytes: bytes, available: available,
                    marks: marks,
                    offset: UInt64(truncatingIfNeeded: start &+ layout.dataOffset)))
            return
        }
        note(damageAt: start, "the description of a segment")
    }

    private mutating func note(damageAt offset: Int, _ what: String) {
        if damage == nil {
            damage = LogError(
                .damaged, "\(path) is damaged in \(what)", offset: UInt64(truncatingIfNeeded: offset))
        }
    }

    /// Decodes the first 128 bytes of a segment; those of a free one are ignored.
    private struct Words {
        var header: LiveSegmentHeader?
        var committed: UInt64 = 0

        init?(_ bytes: UnsafeRawBufferPointer) {
            var reader = ByteReader(bytes)
            guard let state = reader.readUInt64(), let described = reader.readBytes(LiveLayout.describedSize)
            else {
                return nil
            }
            if state == LiveLayout.free { return }
            guard state == LiveLayout.active, let header = LiveSegmentHeader(decoding: described),
                reader.skipZeros(to: LiveLayout.committedOffset), let committed = reader.readUInt64(),
                reader.skipZeros(to: LiveLayout.marksOffset)
            else { return nil }
            self.header = header
            self.committed = committed
        }
    }

    /// The open file.
    private struct File {
        var path: String
        var descriptor: Int32
        var system: Syscalls

        /// Reads no more than the file has now: the lengths that it states reserve no memory.
        private func limited(_ count: Int, at offset: Int) throws(LogError) -> Int {
            let status = try system.status(descriptor).orThrow("read", path)
            return min(count, max(0, Int(status.st_size) &- offset))
        }

        func bytes(at offset: Int, count: Int) throws(LogError) -> [UInt8] {
            let count = try limited(count, at: offset)
            guard CheckedMemory.has(count) else { throw LogError.system(.noMemory, "read", path) }
            var failure: SystemError?
            let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                switch system.read(
                    descriptor, into: UnsafeMutableRawBufferPointer(buffer),
                    at: UInt64(truncatingIfNeeded: offset))
                {
                case .success(let read): filled = read
                case .failure(let error): failure = error
                }
            }
            if let failure { throw LogError.system(failure, "read", path) }
            return bytes
        }

        func read(at offset: Int, count: Int, into target: RawBuffer) throws(LogError) -> Int {
            let count = try limited(count, at: offset)
            guard target.reserve(count), let start = target.start else {
                throw LogError.system(.noMemory, "read", path)
            }
            let bytes = UnsafeMutableRawBufferPointer(start: start, count: count)
            let read = try system.read(descriptor, into: bytes, at: UInt64(truncatingIfNeeded: offset))
                .orThrow("read", path)
            target.clearSlack(after: read)
            return read
        }
    }
}
