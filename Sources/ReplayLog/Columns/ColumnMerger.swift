import ReplaySystem

/// Makes a chunk's events of their columns: the mirror of ``ColumnSplitter``.
///
/// It trusts nothing: the directory's lengths must add up to that of the events before memory is reserved, and no
/// column is read beyond its end.
final class ColumnMerger {
    enum Outcome {
        case whole
        case damaged
        case noMemory
    }

    private let layout: ColumnLayout
    private let columns: UnsafeMutablePointer<ColumnSpan>
    private let buffer = RawBuffer()
    /// By field of bytes: where the next value's byte at each of its first places is.
    private let heads: UnsafeMutablePointer<UnsafeMutableRawPointer>
    /// By kind: the steps of the icount at its last event.
    private let lastSteps: UnsafeMutablePointer<UInt64>

    init(_ table: KindTable) {
        layout = ColumnLayout(table)
        columns = .allocate(capacity: layout.columnCount)
        heads = .allocate(capacity: layout.lengthColumns.count * ColumnLayout.headBytes + 1)
        lastSteps = .allocate(capacity: 64)
        // Read only after they have been set; set here for safety.
        let nowhere = UnsafeMutableRawPointer(lastSteps)
        columns.initialize(
            repeating: ColumnSpan(cursor: nowhere, end: nowhere), count: layout.columnCount)
        heads.initialize(
            repeating: nowhere, count: layout.lengthColumns.count * ColumnLayout.headBytes + 1)
        lastSteps.initialize(repeating: 0, count: 64)
    }

    deinit {
        columns.deallocate()
        heads.deallocate()
        lastSteps.deallocate()
    }

    /// Fills `target`, which has ``RawBuffer/slack`` more bytes, with exactly `eventCount` events.
    func merge(
        _ stored: UnsafeRawBufferPointer, _ eventCount: UInt32,
        into target: UnsafeMutableRawBufferPointer, _ decompressor: Decompressor
    ) -> Outcome {
        guard let directory = ColumnDirectory(decoding: stored, layout), directory.rawLength == target.count,
            directory.length(of: ColumnLayout.heads) == Int(eventCount)
        else { return .damaged }
        // Each column may be read eight bytes beyond its end.
        let slack = 16
        guard buffer.reserve(target.count &+ slack &* (layout.columnCount &+ 1)), let start = buffer.start,
            let output = target.baseAddress
        else { return .noMemory }
        var place = start
        var next = directory.entries.makeIterator()
        var entry = next.next()
        for column in 0..<layout.columnCount {
            let begin = place
            if let found = entry, found.column == column {
                let bytes = UnsafeMutableRawBufferPointer(start: begin, count: found.rawLength)
                let source = UnsafeRawBufferPointer(
                    rebasing: stored[found.offset..<(found.offset &+ found.storedLength)])
                if found.storedLength == found.rawLength {
                    bytes.copyMemory(from: source)
                } else if !decompressor.decompress(source, into: bytes) {
                    return .damaged
                }
                place += found.rawLength
                entry = next.next()
            }
            columns[column] = ColumnSpan(cursor: begin, end: place)
            UnsafeMutableRawBufferPointer(start: place, count: slack).initializeMemory(
                as: UInt8.self, repeating: 0)
            place += slack
        }
        guard spreadHeads() else { return .damaged }
        lastSteps.update(repeating: .max, count: 64)
        return mergeEvents(eventCount, output) ? .whole : .damaged
    }

    /// Finds where each place's bytes of the values' beginnings are. False: a length is malformed, or they don't fit.
    private func spreadHeads() -> Bool {
        for (number, column) in layout.lengthColumns.enumerated() {
            let places = heads + number &* ColumnLayout.headBytes
            let span = columns[column + 1]
            var counts = [Int](repeating: 0, count: ColumnLayout.headBytes + 1)
            var place = UnsafeRawPointer(columns[column].cursor)
            let end = UnsafeRawPointer(columns[column].end)
            var malformed = false
            while place < end {
                let length = VarInt.load(&place, &malformed)
                counts[Int(min(length, UInt64(ColumnLayout.headBytes)))] &+= 1
            }
            guard place == end, !malformed else { return false }
            // How many values have a byte at that place.
            var longer = counts.reduce(0, &+)
            var next = span.cursor
            for index in 0..<ColumnLayout.headBytes {
                longer &-= counts[index]
                places[index] = next
                guard longer <= span.end - next else { return false }
                next += longer
            }
            guard next == span.end else { return false }
            // All of it is used up, if all lengths are.
            columns[column + 1].cursor = span.end
        }
        return true
    }

    private func mergeEvents(_ eventCount: UInt32, _ output: UnsafeMutableRawPointer) -> Bool {
        let (columns, plans) = (self.columns, layout.plans)
        var out = output
        var head = UnsafeRawPointer(columns[ColumnLayout.heads].cursor)
        let lastHead = UnsafeRawPointer(columns[ColumnLayout.heads].end)
        var steps = columns[ColumnLayout.steps]
        var stepCount: UInt64 = 0
        while head < lastHead {
            let byte = head.load(as: UInt8.self)
            head += 1
            out.storeBytes(of: byte, as: UInt8.self)
            out += 1
            if byte & EventHead.samePlace == 0 {
                guard ColumnMerger.copyNumber(&steps, &out) else { return false }
                stepCount &+= 1
            }
            let plan = plans[Int(byte & 63)]
            if plan.fieldCount != 0 {
                guard mergeFields(plan, Int(byte & 63), stepCount, &out) else { return false }
            }
        }
        columns[ColumnLayout.heads].cursor = columns[ColumnLayout.heads].end
        columns[ColumnLayout.steps] = steps
        return isUsedUp
    }

    /// Every byte of a column belongs to an event.
    private var isUsedUp: Bool {
        for column in 0..<layout.columnCount where columns[column].cursor != columns[column].end {
            return false
        }
        return true
    }

    @inline(__always)
    private static func copyNumber(_ column: inout ColumnSpan, _ out: inout UnsafeMutableRawPointer) -> Bool {
        let word = UInt64(littleEndian: column.cursor.loadUnaligned(as: UInt64.self))
        let ends = ~word & 0x8080_8080_8080_8080
        guard ends != 0 else { return copyLongNumber(&column, &out) }
        out.storeBytes(of: word.littleEndian, as: UInt64.self)
        let count = (ends.trailingZeroBitCount &>> 3) &+ 1
        column.cursor += count
        out += count
        return column.cursor <= column.end
    }

    @inline(never)
    private static func copyLongNumber(_ column: inout ColumnSpan, _ out: inout UnsafeMutableRawPointer)
        -> Bool
    {
        for _ in 0..<VarInt.maxLength {
            guard column.cursor < column.end else { return false }
            let byte = column.cursor.load(as: UInt8.self)
            out.storeBytes(of: byte, as: UInt8.self)
            column.cursor += 1
            out += 1
            if byte < 0x80 { return true }
        }
        return false
    }

    @inline(never)
    private func mergeFields(
        _ plan: ColumnLayout.Plan, _ kind: Int, _ stepCount: UInt64, _ out: inout UnsafeMutableRawPointer
    ) -> Bool {
        guard plan.fieldCount != ColumnLayout.unknown else { return false }
        var field = layout.fields + Int(plan.firstField)
        let last = field + Int(plan.fieldCount)
        while field < last {
            let column = field.pointee.column
            switch field.pointee.type {
            case .unsigned, .signed:
                guard ColumnMerger.copyNumber(&columns[column], &out) else { return false }
            case .quad:
                guard columns[column].end - columns[column].cursor >= 8 else { return false }
                out.copyMemory(from: columns[column].cursor, byteCount: 8)
                columns[column].cursor += 8
                out += 8
            case .clock:
                let again = lastSteps[kind] == stepCount
                lastSteps[kind] = stepCount
                guard mergeClock(column &+ (again ? ColumnLayout.clockBytes : 0), &out) else { return false }
            case .bytes:
                guard mergeBytes(column, field.pointee.number, &out) else { return false }
            }
            field += 1
        }
        return true
    }

    @inline(__always)
    private func mergeClock(_ first: Int, _ out: inout UnsafeMutableRawPointer) -> Bool {
        var column = columns + first
        let end = column + ColumnLayout.clockBytes
        while column < end {
            guard column.pointee.cursor < column.pointee.end else { return false }
            let byte = column.pointee.cursor.load(as: UInt8.self)
            column.pointee.cursor += 1
            out.storeBytes(of: byte, as: UInt8.self)
            out += 1
            if byte < 0x80 { return true }
            column += 1
        }
        return false
    }

    private func mergeBytes(_ column: Int, _ number: Int, _ out: inout UnsafeMutableRawPointer) -> Bool {
        var place = UnsafeRawPointer(columns[column].cursor)
        var malformed = false
        let length = VarInt.load(&place, &malformed)
        guard ColumnMerger.copyNumber(&columns[column], &out), !malformed else { return false }
        let places = heads + number &* ColumnLayout.headBytes
        let headEnd = columns[column &+ 1].end
        let inHead = Int(min(length, UInt64(ColumnLayout.headBytes)))
        for index in 0..<inHead {
            guard places[index] < headEnd else { return false }
            out.storeBytes(of: places[index].load(as: UInt8.self), as: UInt8.self)
            places[index] += 1
            out += 1
        }
        let rest = columns[column &+ 2]
        guard length &- UInt64(inHead) <= UInt64(rest.end - rest.cursor) else { return false }
        let restCount = Int(length) &- inHead
        out.copyMemory(from: rest.cursor, byteCount: restCount)
        out += restCount
        columns[column &+ 2].cursor += restCount
        return true
    }
}
