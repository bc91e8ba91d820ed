/// How long each column is.
extension ColumnSplitter {
    /// False: the bytes aren't whole events of known kinds.
    func measure(_ start: UnsafeRawPointer, _ count: Int) -> Bool {
        let (lengths, plans) = (self.lengths, layout.plans)
        lengths.update(repeating: 0, count: layout.columnCount)
        lastSteps.update(repeating: .max, count: 64)
        for index in values.indices { values[index].removeAll(keepingCapacity: true) }
        var place = start
        let end = start + count
        var eventCount = 0
        var stepBytes = 0
        var stepCount: UInt64 = 0
        while place < end {
            let head = place.load(as: UInt8.self)
            place += 1
            eventCount &+= 1
            if head & EventHead.samePlace == 0 {
                let length = ColumnSplitter.numberLength(place)
                guard length != 0 else { return false }
                place += length
                stepBytes &+= length
                stepCount &+= 1
            }
            let plan = plans[Int(head & 63)]
            if plan.fieldCount != 0 {
                guard measureFields(plan, Int(head & 63), stepCount, &place, end) else { return false }
            }
        }
        lengths[ColumnLayout.heads] = eventCount
        lengths[ColumnLayout.steps] = stepBytes
        return place == end
    }

    /// The bytes of a LEB128 number; 0: it is too long.
    @inline(__always)
    static func numberLength(_ place: UnsafeRawPointer) -> Int {
        let word = UInt64(littleEndian: place.loadUnaligned(as: UInt64.self))
        let ends = ~word & 0x8080_8080_8080_8080
        return ends != 0 ? (ends.trailingZeroBitCount &>> 3) &+ 1 : longNumberLength(place)
    }

    @inline(never)
    private static func longNumberLength(_ place: UnsafeRawPointer) -> Int {
        var copy = place
        var malformed = false
        _ = VarInt.load(&copy, &malformed)
        return malformed ? 0 : copy - place
    }

    @inline(never)
    private func measureFields(
        _ plan: ColumnLayout.Plan, _ kind: Int, _ stepCount: UInt64, _ place: inout UnsafeRawPointer,
        _ end: UnsafeRawPointer
    ) -> Bool {
        guard plan.fieldCount != ColumnLayout.unknown else { return false }
        var field = layout.fields + Int(plan.firstField)
        let last = field + Int(plan.fieldCount)
        while field < last {
            // At most two numbers were read since it was last checked.
            guard place <= end else { return false }
            let column = field.pointee.column
            if field.pointee.type == .quad {
                place += 8
                lengths[column] &+= 8
                field += 1
                continue
            }
            let length = ColumnSplitter.numberLength(place)
            guard length != 0 else { return false }
            switch field.pointee.type {
            case .unsigned, .signed, .quad: lengths[column] &+= length
            case .clock:
                let again = lastSteps[kind] == stepCount
                lastSteps[kind] = stepCount
                let first = lengths + (column &+ (again ? ColumnLayout.clockBytes : 0))
                for index in 0..<length { first[index] &+= 1 }
            case .bytes:
                guard measureBytes(field.pointee, place, length, end) else { return false }
                var after = place
                var malformed = false
                place += Int(VarInt.load(&after, &malformed))
            }
            place += length
            field += 1
        }
        return place <= end
    }

    private func measureBytes(
        _ field: ColumnLayout.Field, _ place: UnsafeRawPointer, _ length: Int, _ end: UnsafeRawPointer
    ) -> Bool {
        let column = field.column
        var after = place
        var malformed = false
        let count = VarInt.load(&after, &malformed)
        guard after <= end, count <= UInt64(end - after), values.indices.contains(field.number) else {
            return false
        }
        let inHead = min(Int(count), ColumnLayout.headBytes)
        lengths[column] &+= length
        lengths[column &+ 1] &+= inHead
        lengths[column &+ 2] &+= Int(count) &- inHead
        values[field.number].append(UnsafeRawBufferPointer(start: after, count: Int(count)))
        return true
    }
}
