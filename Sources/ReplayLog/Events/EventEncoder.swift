import Synchronization

/// Turns events into bytes in the current segment and commits them: the hot half of the writer.
///
/// A small event is built in a register, stored with one eight-byte store, folded into the running
/// checksum, and published with one release store. The encoder knows nothing of files: who calls
/// it has made sure that ``cursor`` is below ``limit``, which leaves room for every event but one
/// with bytes.
public struct EventEncoder {
    public typealias Word = UnsafeMutablePointer<Atomic<UInt64>>

    /// The longest encoding of all that precedes an event's bytes.
    static let longestHead = 1 + VarInt.maxLength * 8

    public var cursor: UnsafeMutableRawPointer
    /// Nothing is written from here on before someone has looked: a mark or a new segment is due.
    public var limit: UnsafeMutableRawPointer
    /// Nor is an event of this icount or a later one.
    public var sealIcount: UInt64 = 0
    public var base: UnsafeMutableRawPointer
    public var committed: Word
    /// The state of ``RunningChecksum``.
    public var check: UInt64 = RunningChecksum.seed
    public var lastIcount: UInt64 = 0
    public var eventCount: UInt64 = 0
    /// The last value of each kind of clock in this chunk, and after these the ``HeadTable``.
    public let clocks: UnsafeMutablePointer<Int64>
    /// The layout of each kind.
    let layouts: UnsafeMutablePointer<UInt64>

    init(base: UnsafeMutableRawPointer, committed: Word) {
        cursor = base
        limit = base
        sealIcount = 0
        self.base = base
        self.committed = committed
        clocks = .allocate(capacity: 64 + HeadTable.count)
        clocks.initialize(repeating: 0, count: 64)
        HeadTable.fill(clocks + 64)
        layouts = .allocate(capacity: 64)
        layouts.initialize(repeating: 0, count: 64)
        for kind in EventKind.allCases { layouts[Int(kind.rawValue & 63)] = EventLayout(kind).code }
    }

    func deallocate() {
        clocks.deallocate()
        layouts.deallocate()
    }

    var offset: Int { cursor - base }

    @inlinable @inline(__always)
    public var isFull: Bool { cursor >= limit }

    /// Is a mark or a new segment due before an event of that icount is written?
    func needsRoom(_ icount: UInt64) -> Bool { isFull || icount >= sealIcount }

    /// Goes on in a fresh segment. What it says of the events so far stays.
    mutating func begin(at base: UnsafeMutableRawPointer, committed: Word) {
        cursor = base
        limit = base
        sealIcount = 0
        self.base = base
        self.committed = committed
        clocks.update(repeating: 0, count: 64)
    }

    /// Stays full for ever, in memory that outlives the segments.
    mutating func rest(at place: UnsafeMutableRawPointer) {
        cursor = place
        limit = place
        base = place
    }

    /// Accounts an event that was written to the file directly.
    mutating func noteDirect(_ check: UInt64, _ icount: UInt64) {
        self.check = check
        lastIcount = icount
        eventCount &+= 1
    }

    /// Appends an event without a payload, if there is room and its encoding fits a register.
    ///
    /// Returns false otherwise; the caller then makes room and calls ``putLong(_:_:_:_:_:_:_:_:_:)``. So this
    /// calls nothing, and needn't save registers. It doesn't branch on a number's length either, which would be
    /// mispredicted: a guest's steps vary.
    @inlinable @inline(__always)
    public mutating func put(_ kind: UInt64, _ role: ThreadRole, _ icount: UInt64) -> Bool {
        let delta = icount &- lastIcount
        guard !isFull, delta < 1 &<< 21, icount < sealIcount else { return false }
        let word = VarInt.spread(EventHead.make(kind, role) | delta &<< 8)
        let row = HeadTable.row(word)
        commit(word | HeadTable.start(clocks, row), bits: HeadTable.startBits(clocks, row), icount)
        return true
    }

    /// The same for a reading of a clock.
    @inlinable @inline(__always)
    public mutating func putClock(_ kind: UInt64, _ role: ThreadRole, _ icount: UInt64, _ value: Int64)
        -> Bool
    {
        let delta = icount &- lastIcount
        let last = clocks + Int(truncatingIfNeeded: kind)
        let change = VarInt.zigzag(value &- last.pointee)
        guard !isFull, (delta | change &>> 7) < 1 &<< 21, icount < sealIcount else { return false }
        last.pointee = value
        let both = VarInt.spread(EventHead.make(kind, role) | delta &<< 8 | change &<< 32)
        let (start, row) = (both & 0xFFFF_FFFF, HeadTable.row(both))
        let startRow = HeadTable.row(start)
        let startBits = HeadTable.startBits(clocks, startRow)
        let payload = both &>> 32 | HeadTable.continuation(clocks, row)
        commit(
            start | HeadTable.start(clocks, startRow) | payload &<< startBits,
            bits: startBits &+ HeadTable.payloadBits(clocks, row), icount)
        return true
    }

    /// Appends any event without bytes, field by field. The caller has made room.
    mutating func putLong(
        _ kind: EventKind, _ role: ThreadRole, _ icount: UInt64, _ a: Int64, _ b: Int64 = 0, _ c: Int64 = 0,
        _ d: Int64 = 0, _ e: Int64 = 0, _ f: Int64 = 0
    ) {
        let end = encodeHead(at: cursor, kind, role, icount, a, b, c, d, e, f, byteCount: 0)
        commit(through: end, icount)
    }

    /// Writes an event except its bytes, `byteCount` of which the caller will append.
    /// Returns the place after it.
    mutating func encodeHead(
        at place: UnsafeMutableRawPointer, _ kind: EventKind, _ role: ThreadRole, _ icount: UInt64,
        _ a: Int64,
        _ b: Int64, _ c: Int64, _ d: Int64, _ e: Int64, _ f: Int64, byteCount: Int
    ) -> UnsafeMutableRawPointer {
        var (value, b, c, d, e, f) = (a, b, c, d, e, f)
        let delta = icount &- lastIcount
        let head = EventHead.make(kind.rawValue, role) | (delta == 0 ? EventHead.samePlace : 0)
        place.storeBytes(of: head, as: UInt8.self)
        var place = place + 1
        if delta != 0 { place = VarInt.store(delta, at: place) }
        var layout = layouts[Int(kind.rawValue & 63)]
        while let field = EventLayout.Field(rawValue: layout & 15) {
            layout &>>= 4
            switch field {
            case .unsigned:
                place = VarInt.store(UInt64(bitPattern: value), at: place)
            case .signed:
                place = VarInt.store(VarInt.zigzag(value), at: place)
            case .clock:
                let last = clocks + Int(kind.rawValue & 63)
                place = VarInt.store(VarInt.zigzag(value &- last.pointee), at: place)
                last.pointee = value
            case .quad:
                place.storeBytes(of: value.littleEndian, as: Int64.self)
                place += 8
            case .bytes:
                place = VarInt.store(UInt64(truncatingIfNeeded: byteCount), at: place)
                continue
            }
            (value, b, c, d, e, f) = (b, c, d, e, f, 0)
        }
        return place
    }

    /// Folds and publishes an event that is already written at the cursor.
    mutating func commit(through end: UnsafeMutableRawPointer, _ icount: UInt64) {
        check = RunningChecksum.fold(check, event: UnsafeRawPointer(cursor), count: end - cursor)
        cursor = end
        publish(icount)
    }

    @inlinable @inline(__always)
    public mutating func commit(_ word: UInt64, bits: UInt64, _ icount: UInt64) {
        cursor.storeBytes(of: word.littleEndian, as: UInt64.self)
        check = RunningChecksum.fold(check, word)
        cursor += Int(truncatingIfNeeded: bits &>> 3)
        publish(icount)
    }

    @inlinable @inline(__always)
    public mutating func publish(_ icount: UInt64) {
        lastIcount = icount
        eventCount &+= 1
        let word = RunningChecksum.published(check, length: cursor - base)
        committed.pointee.store(word.littleEndian, ordering: .releasing)
    }
}
