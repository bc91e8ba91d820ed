import ReplaySystem

/// Turns the bytes of a chunk into events: the hot half of the reader, and the encoder's mirror.
///
/// ``RawBuffer/slack`` bytes can be read after ``end``, so that a field can be read first, and checked for its
/// length afterwards.
struct EventDecoder {
    var cursor: UnsafeRawPointer
    var end: UnsafeRawPointer
    /// The instruction count of the last event.
    var icount: UInt64 = 0
    /// The number of the next event.
    var index: UInt64 = 0
    /// The number of events left in the chunk.
    var remaining: UInt64 = 0
    /// The last value of each kind of clock in this chunk.
    let clocks: UnsafeMutablePointer<Int64>
    let plans: UnsafeMutablePointer<KindPlan>

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
    mutating func rest() {
        begin(UnsafeRawPointer(clocks), count: 0, firstEvent: 0, firstIcount: 0, eventCount: 0)
    }

    /// Decodes the next event into `event`. Fields that its kind doesn't have may keep their old values.
    /// Returns false if the bytes aren't an event. The chunk must have one left.
    @inline(__always)
    mutating func next(into event: UnsafeMutablePointer<Event>) -> Bool {
        var malformed = false
        var place = cursor
        let head = place.load(as: UInt8.self)
        place += 1
        if head & 0x40 == 0 { icount &+= VarInt.load(&place, &malformed) }
        let plan = plans + Int(head & 63)
        event.pointee.kind = head & 63
        event.pointee.role = head & 0x80 == 0 ? .vcpu : .io
        event.pointee.icount = icount
        event.pointee.index = index
        switch plan.pointee.shape {
        case .unknown: return false
        case .empty: break
        case .clock:
            let last = clocks + Int(head & 63)
            let value = last.pointee &+ VarInt.unzigzag(VarInt.load(&place, &malformed))
            event.pointee.a = value
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
