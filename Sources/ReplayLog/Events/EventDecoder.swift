import ReplaySystem

/// Turns the bytes of a chunk into events: the hot half of the reader, and the encoder's mirror.
///
/// ``RawBuffer/slack`` bytes can be read after ``end``, so that a field can be read first, and found to be
/// too long afterwards.
public struct EventDecoder {
    public var cursor: UnsafeRawPointer
    public var end: UnsafeRawPointer
    /// The instruction count of the last event.
    public var icount: UInt64 = 0
    /// The number of the next event.
    public var index: UInt64 = 0
    /// The events that the chunk still holds.
    public var remaining: UInt64 = 0
    /// The last value of each kind of clock in this chunk.
    public let clocks: UnsafeMutablePointer<Int64>
    public let plans: UnsafeMutablePointer<KindPlan>

    /// Knows the kinds of `table`, and has nothing to decode.
    init(_ table: KindTable) {
        clocks = .allocate(capacity: 64)
        clocks.initialize(repeating: 0, count: 64)
        cursor = UnsafeRawPointer(clocks)
        end = cursor
        plans = .allocate(capacity: 64)
        plans.initialize(repeating: KindPlan(), count: 64)
        for entry in table.entries {
            guard let layout = EventLayout(letters: entry.layout.utf8) else { continue }
            plans[Int(entry.number & 63)] = KindPlan(layout)
        }
    }

    func deallocate() {
        clocks.deallocate()
        plans.deallocate()
    }

    /// Continues with a different chunk. The clocks begin at 0 again.
    mutating func begin(
        _ bytes: UnsafeRawPointer, count: Int, firstEvent: UInt64, firstIcount: UInt64, eventCount: UInt64
    ) {
        cursor = bytes
        end = bytes + count
        index = firstEvent
        icount = firstIcount
        remaining = eventCount
        clocks.update(repeating: 0, count: 64)
    }

    /// Has nothing to decode.
    mutating func rest(at event: UInt64 = 0, _ icount: UInt64 = 0) {
        begin(UnsafeRawPointer(clocks), count: 0, firstEvent: event, firstIcount: icount, eventCount: 0)
    }

    /// Decodes the next event if it is a reading of a clock that ``EventEncoder/putClock(_:_:_:)`` writes:
    /// eight bytes hold it, and no number is longer than four. False: nothing was done.
    @inlinable @inline(__always)
    public mutating func nextClock(into event: UnsafeMutablePointer<Event>) -> Bool {
        let word = UInt64(littleEndian: cursor.loadUnaligned(as: UInt64.self))
        let kind = Int(truncatingIfNeeded: word & 63)
        guard remaining != 0, plans[kind].shape == .clock else { return false }
        // If the icount stays the same, the first byte says so, and no change follows.
        let skipped = ~word &>> 3 & 8
        let steps = (word & ~0xFF) &>> skipped
        let stepsEnd = ~steps & 0x8080_8080
        let change = steps &>> UInt64(truncatingIfNeeded: stepsEnd.trailingZeroBitCount &+ 1)
        let changeEnd = ~change & 0x8080_8080
        guard stepsEnd != 0, changeEnd != 0 else { return false }
        let bits =
            Int(truncatingIfNeeded: skipped) &+ stepsEnd.trailingZeroBitCount
            &+ changeEnd.trailingZeroBitCount &+ 2
        let next = cursor + bits &>> 3
        guard bits <= 64, next <= end else { return false }
        let both = VarInt.gather(
            steps & (stepsEnd ^ (stepsEnd &- 1)), change & (changeEnd ^ (changeEnd &- 1)))
        let (sum, overflow) = icount.addingReportingOverflow(both & 0xFFFF_FFFF)
        if overflow { return false }
        icount = sum
        let last = clocks + kind
        let value = last.pointee &+ VarInt.unzigzag(both &>> 32)
        last.pointee = value
        event.pointee.head = UInt8(truncatingIfNeeded: word) & ~EventHead.samePlace
        event.pointee.icount = sum
        event.pointee.index = index
        event.pointee.a = value
        cursor = next
        index &+= 1
        remaining &-= 1
        return true
    }

    /// Decodes the next event into `event`, which holds any event before: integers that its kind has no field
    /// for may keep their old value, and in a clock's event ``Event/bytes`` too. False when the bytes aren't an event. The chunk must have one.
    @inline(__always)
    mutating func next(into event: UnsafeMutablePointer<Event>) -> Bool {
        if nextClock(into: event) { return true }
        var malformed = false
        var place = cursor
        let head = place.load(as: UInt8.self)
        place += 1
        if head & 0x40 == 0 { icount &+= VarInt.load(&place, &malformed) }
        let plan = plans + Int(head & 63)
        event.pointee.head = head & ~EventHead.samePlace
        event.pointee.icount = icount
        event.pointee.index = index
        switch plan.pointee.shape {
        case .unknown: return false
        case .empty: event.pointee.bytes = UnsafeRawBufferPointer(start: nil, count: 0)
        case .clock:
            let last = clocks + Int(head & 63)
            let value = last.pointee &+ VarInt.unzigzag(VarInt.load(&place, &malformed))
            event.pointee.a = value
            event.pointee.bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            last.pointee = value
        case .fields:
            event.pointee.clearFields()
            guard decodeFields(&place, plan.pointee.layout, &event.pointee) else { return false }
        }
        guard place <= end, !malformed else { return false }
        cursor = place
        index &+= 1
        remaining &-= 1
        return true
    }

    /// The same if nobody looks at the event.
    mutating func skip() -> Bool {
        var event = Event(kind: 0, role: .vcpu, icount: 0, index: 0)
        return withUnsafeMutablePointer(to: &event) { next(into: $0) }
    }

    /// Decodes a payload of any layout. Integers after the sixth are dropped.
    @inline(never)
    private func decodeFields(_ place: inout UnsafeRawPointer, _ layout: UInt64, _ event: inout Event) -> Bool
    {
        var malformed = false
        var layout = layout
        var number = 0
        while let field = EventLayout.Field(rawValue: layout & 15) {
            layout &>>= 4
            // At most two numbers were read since `place` was last checked.
            guard place <= end else { return false }
            let value: Int64
            switch field {
            case .unsigned:
                value = Int64(bitPattern: VarInt.load(&place, &malformed))
            case .signed:
                value = VarInt.unzigzag(VarInt.load(&place, &malformed))
            case .clock:
                let last = clocks + Int(event.kind & 63)
                value = last.pointee &+ VarInt.unzigzag(VarInt.load(&place, &malformed))
                last.pointee = value
            case .quad:
                value = Int64(littleEndian: place.loadUnaligned(as: Int64.self))
                place += 8
            case .bytes:
                let count = VarInt.load(&place, &malformed)
                guard place <= end, count <= UInt64(truncatingIfNeeded: end - place), !malformed else {
                    return false
                }
                event.bytes = UnsafeRawBufferPointer(start: place, count: Int(truncatingIfNeeded: count))
                place += Int(truncatingIfNeeded: count)
                continue
            }
            event.setInteger(number, value)
            number &+= 1
        }
        return !malformed
    }
}

extension Event {
    fileprivate mutating func clearFields() {
        (a, b, c, d, e, f) = (0, 0, 0, 0, 0, 0)
        bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// Sets an integer by its number in the layout, from 0.
    fileprivate mutating func setInteger(_ number: Int, _ value: Int64) {
        switch number {
        case 0: a = value
        case 1: b = value
        case 2: c = value
        case 3: d = value
        case 4: e = value
        case 5: f = value
        default: break
        }
    }
}
