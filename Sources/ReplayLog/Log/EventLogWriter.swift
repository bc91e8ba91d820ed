import ReplaySystem

/// Writes a finished log from events, in order: those of another log, or of a different program's.
///
/// The caller owns the file: it syncs it, and gives it its name.
package final class EventLogWriter {
    private var file: LogFileWriter
    private let path: String
    private let segmentSize: Int
    private let layouts: [UInt64]
    private let buffer = RawBuffer()
    private let clocks: UnsafeMutablePointer<Int64>
    /// The next byte, and the place from where on an event belongs to the next chunk.
    private var cursor: UnsafeMutableRawPointer
    private var limit: UnsafeMutableRawPointer
    private var start: UnsafeMutableRawPointer
    private var eventCount: UInt32 = 0
    private var icount: UInt64 = 0
    private var chain = RunningChecksum.seed

    /// The longest encoding of an event without its bytes.
    private static let longestHead = EventLayout.maxFields * VarInt.maxLength + 16

    package init(_ file: NewFile, _ metadata: LogMetadata, _ kinds: KindTable, _ options: LogOptions)
        throws(LogError)
    {
        path = file.path
        segmentSize = options.segmentSize
        self.file = try LogFileWriter(
            file, segmentSize: UInt32(truncatingIfNeeded: options.segmentSize),
            metadata: metadata.encoded(kinds: kinds), begin: nil, kinds: kinds, options: options)
        var layouts = [UInt64](repeating: 0, count: 64)
        for entry in kinds.entries {
            layouts[Int(entry.number & 63)] = EventLayout(letters: entry.layout.utf8)?.code ?? 0
        }
        self.layouts = layouts
        guard buffer.reserve(segmentSize &+ EventLogWriter.longestHead), let start = buffer.start else {
            throw LogError.system(.noMemory, "written", path)
        }
        self.start = start
        cursor = start
        limit = start + segmentSize
        clocks = .allocate(capacity: 64)
        clocks.initialize(repeating: 0, count: 64)
    }

    deinit { clocks.deallocate() }

    /// Appends an event without a payload.
    @inline(__always)
    package func append(_ head: UInt8, _ icount: UInt64) throws(LogError) {
        if cursor >= limit { try seal() }
        let event = cursor
        let place = putHead(head, icount)
        commit(event, place)
    }

    /// Appends an event of any kind. Its icount isn't below that of the last one.
    package func append(_ event: borrowing Event) throws(LogError) {
        let bytes = event.bytes
        let layout = layouts[Int(event.kind)]
        let isLong = bytes.count &+ EventLogWriter.longestHead > limit - cursor
        if cursor >= limit || (isLong && cursor != start && bytes.count > 0) { try seal() }
        guard bytes.count <= segmentSize &- EventLogWriter.longestHead else {
            return try appendLong(event, layout)
        }
        let begin = cursor
        let place = putFields(event, layout, at: putHead(event.head, event.icount))
        commit(begin, place)
    }

    /// Completes the log.
    package func finish(_ end: LogEnd) throws(LogError) {
        try seal()
        try file.finish(end)
    }

    // MARK: Encoded

    @inline(__always)
    private func putHead(_ head: UInt8, _ icount: UInt64) -> UnsafeMutableRawPointer {
        let steps = icount &- self.icount
        self.icount = icount
        if steps == 0 {
            cursor.storeBytes(of: head | EventHead.samePlace, as: UInt8.self)
            return cursor + 1
        }
        cursor.storeBytes(of: head, as: UInt8.self)
        return VarInt.store(steps, at: cursor + 1)
    }

    @inline(__always)
    private func commit(_ event: UnsafeMutableRawPointer, _ end: UnsafeMutableRawPointer) {
        chain = RunningChecksum.fold(chain, event: UnsafeRawPointer(event), count: end - event)
        cursor = end
        eventCount &+= 1
    }

    /// Where it is written there is room for the event.
    private func putFields(
        _ event: borrowing Event, _ layout: UInt64, at place: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        var (place, layout, number) = (place, layout, 0)
        while let field = EventLayout.Field(rawValue: layout & 15) {
            layout &>>= 4
            if field == .bytes {
                place = VarInt.store(UInt64(event.bytes.count), at: place)
                if let source = event.bytes.baseAddress {
                    place.copyMemory(from: source, byteCount: event.bytes.count)
                }
                place += event.bytes.count
                continue
            }
            let value = event.integer(number)
            number &+= 1
            switch field {
            case .unsigned: place = VarInt.store(UInt64(bitPattern: value), at: place)
            case .signed: place = VarInt.store(VarInt.zigzag(value), at: place)
            case .clock:
                let last = clocks + Int(event.kind)
                place = VarInt.store(VarInt.zigzag(value &- last.pointee), at: place)
                last.pointee = value
            case .quad:
                place.storeBytes(of: value.littleEndian, as: Int64.self)
                place += 8
            case .bytes: break
            }
        }
        return place
    }

    /// Makes a chunk of one event that is longer than a segment.
    private func appendLong(_ event: borrowing Event, _ layout: UInt64) throws(LogError) {
        let room = RawBuffer()
        guard UInt64(event.bytes.count) < ChunkHeader.longestPayload / 2,
            room.reserve(event.bytes.count &+ EventLogWriter.longestHead), let begin = room.start
        else {
            throw LogError(.noMemory, "not enough memory to write an event of \(event.bytes.count) bytes")
        }
        (start, cursor) = (begin, begin)
        let end = putFields(event, layout, at: putHead(event.head, event.icount))
        commit(begin, end)
        let result = Result { () throws(LogError) in try seal() }
        withExtendedLifetime(room) {}
        if let usual = buffer.start { (start, cursor) = (usual, usual) }
        limit = start + segmentSize
        try result.get()
    }

    /// Writes what there is as a chunk.
    @inline(never)
    private func seal() throws(LogError) {
        guard eventCount > 0 else { return }
        // Whoever splits them reads whole words.
        UnsafeMutableRawBufferPointer(start: cursor, count: 16).initializeMemory(
            as: UInt8.self, repeating: 0)
        try file.append(
            UnsafeRawBufferPointer(start: start, count: cursor - start), eventCount: eventCount,
            endIcount: icount, chain: chain)
        cursor = start
        eventCount = 0
        clocks.update(repeating: 0, count: 64)
    }
}

extension Event {
    /// An integer by its number in the layout.
    fileprivate func integer(_ number: Int) -> Int64 {
        switch number {
        case 0: a
        case 1: b
        case 2: c
        case 3: d
        case 4: e
        case 5: f
        default: 0
        }
    }
}
