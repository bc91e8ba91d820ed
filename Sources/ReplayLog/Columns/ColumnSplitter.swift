import CZstd
import ReplaySystem

/// Splits a chunk's events into columns, which compress better: values that resemble each other stand together.
///
/// ``ColumnMerger`` is the mirror; the format page describes the bytes.
final class ColumnSplitter {
    let layout: ColumnLayout
    private let compressor: Compressor
    private let level: Int32
    let columns: UnsafeMutablePointer<ColumnSpan>
    /// The columns' lengths, then where each begins.
    let lengths: UnsafeMutablePointer<Int>
    let lastSteps: UnsafeMutablePointer<UInt64>
    private let buffer = RawBuffer()
    /// By field of bytes: where its values are.
    var values: [[UnsafeRawBufferPointer]]

    init?(_ table: KindTable, level: Int32) {
        guard let compressor = Compressor(level: level) else { return nil }
        self.compressor = compressor
        self.level = level
        layout = ColumnLayout(table)
        columns = .allocate(capacity: layout.columnCount)
        lengths = .allocate(capacity: layout.columnCount)
        lengths.initialize(repeating: 0, count: layout.columnCount)
        lastSteps = .allocate(capacity: 64)
        lastSteps.initialize(repeating: .max, count: 64)
        let nowhere = UnsafeMutableRawPointer(lastSteps)
        columns.initialize(repeating: ColumnSpan(cursor: nowhere, end: nowhere), count: layout.columnCount)
        values = [[UnsafeRawBufferPointer]](repeating: [], count: layout.lengthColumns.count)
    }

    deinit {
        columns.deallocate()
        lengths.deallocate()
        lastSteps.deallocate()
    }

    /// The length of the payload; nil if it isn't shorter than `raw`, or if the events can't be split. Sixteen
    /// bytes after them must be readable.
    func compress(_ raw: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int? {
        guard let start = raw.baseAddress, measure(start, raw.count), place(raw.count) else { return nil }
        split(start, raw.count)
        gatherHeads()
        guard let count = store(into: target) else { return nil }
        let least = raw.count / Int(ChunkHeader.largestRatio) &+ 1
        guard count < raw.count else { return nil }
        if count >= least { return count }
        guard least <= target.count, least < raw.count else { return nil }
        UnsafeMutableRawBufferPointer(rebasing: target[count..<least]).initializeMemory(
            as: UInt8.self, repeating: 0)
        return least
    }

    // MARK: Split

    /// Reserves memory for the columns, eight bytes apart, as numbers are stored as whole words.
    private func place(_ count: Int) -> Bool {
        guard buffer.reserve(count &+ 16 &* layout.columnCount), let start = buffer.start else {
            return false
        }
        var next = start
        for column in 0..<layout.columnCount {
            columns[column] = ColumnSpan(cursor: next, end: next)
            next += lengths[column] &+ 16
        }
        return true
    }

    /// Moves the columns' ends through them.
    private func split(_ start: UnsafeRawPointer, _ count: Int) {
        let (columns, plans) = (self.columns, layout.plans)
        lastSteps.update(repeating: .max, count: 64)
        var place = start
        let end = start + count
        var head = columns[ColumnLayout.heads].end
        var step = columns[ColumnLayout.steps].end
        var stepCount: UInt64 = 0
        while place < end {
            let byte = place.load(as: UInt8.self)
            place += 1
            head.storeBytes(of: byte, as: UInt8.self)
            head += 1
            if byte & EventHead.samePlace == 0 {
                ColumnSplitter.moveNumber(&place, &step)
                stepCount &+= 1
            }
            let plan = plans[Int(byte & 63)]
            if plan.fieldCount != 0 { splitFields(plan, Int(byte & 63), stepCount, &place) }
        }
        columns[ColumnLayout.heads].end = head
        columns[ColumnLayout.steps].end = step
    }

    @inline(__always)
    private static func moveNumber(_ place: inout UnsafeRawPointer, _ target: inout UnsafeMutableRawPointer) {
        let length = numberLength(place)
        target.storeBytes(of: place.loadUnaligned(as: UInt64.self), as: UInt64.self)
        if length > 8 { target.copyMemory(from: place, byteCount: length) }
        place += length
        target += length
    }

    @inline(never)
    private func splitFields(
        _ plan: ColumnLayout.Plan, _ kind: Int, _ stepCount: UInt64, _ place: inout UnsafeRawPointer
    ) {
        var field = layout.fields + Int(plan.firstField)
        let last = field + Int(plan.fieldCount)
        while field < last {
            let column = field.pointee.column
            switch field.pointee.type {
            case .unsigned, .signed: ColumnSplitter.moveNumber(&place, &columns[column].end)
            case .quad:
                columns[column].end.copyMemory(from: place, byteCount: 8)
                columns[column].end += 8
                place += 8
            case .clock:
                let again = lastSteps[kind] == stepCount
                lastSteps[kind] = stepCount
                var target = columns + (column &+ (again ? ColumnLayout.clockBytes : 0))
                var byte: UInt8
                repeat {
                    byte = place.load(as: UInt8.self)
                    place += 1
                    target.pointee.end.storeBytes(of: byte, as: UInt8.self)
                    target.pointee.end += 1
                    target += 1
                } while byte >= 0x80
            case .bytes:
                var after = place
                var malformed = false
                let count = Int(VarInt.load(&after, &malformed))
                ColumnSplitter.moveNumber(&place, &columns[column].end)
                let inHead = min(count, ColumnLayout.headBytes)
                columns[column &+ 2].end.copyMemory(from: place + inHead, byteCount: count &- inHead)
                columns[column &+ 2].end += count &- inHead
                place += count
            }
            field += 1
        }
    }

    /// The first bytes of all values, then the second ones, and so on.
    private func gatherHeads() {
        for (number, column) in layout.lengthColumns.enumerated() {
            var target = columns[column &+ 1].end
            for index in 0..<ColumnLayout.headBytes {
                for value in values[number] where value.count > index {
                    target.storeBytes(of: value[index], as: UInt8.self)
                    target += 1
                }
            }
            columns[column &+ 1].end = target
        }
    }

    // MARK: Stored

    /// Nil: there is no room.
    private func store(into target: UnsafeMutableRawBufferPointer) -> Int? {
        var directory = ColumnDirectory()
        let used = (0..<layout.columnCount).reduce(0) { $0 &+ (lengths[$1] > 0 ? 1 : 0) }
        let room = ColumnDirectory.longestEntry &* (used &+ 1)
        guard room < target.count else { return nil }
        var next = room
        for column in 0..<layout.columnCount where lengths[column] > 0 {
            let bytes = UnsafeRawBufferPointer(start: columns[column].cursor, count: lengths[column])
            let free = UnsafeMutableRawBufferPointer(rebasing: target[next...])
            var stored = bytes.count
            tune(column, bytes, free)
            if let count = compressor.compressFrame(bytes, into: free) {
                stored = count
            } else {
                guard bytes.count <= free.count else { return nil }
                free.copyMemory(from: bytes)
            }
            directory.append(.init(column: column, rawLength: bytes.count, storedLength: stored))
            next &+= stored
        }
        let head = directory.encoded()
        guard let start = target.baseAddress, head.count <= room else { return nil }
        (start + head.count).copyMemory(from: start + room, byteCount: next &- room)
        target.copyBytes(from: head)
        return head.count &+ next &- room
    }

    /// Makes the compressor right for a column. The quickest level does as well where not much can be saved, which a
    /// sample shows; not for somebody who asks for the best.
    private func tune(
        _ column: Int, _ bytes: UnsafeRawBufferPointer, _ free: UnsafeMutableRawBufferPointer
    ) {
        if level < ColumnSplitter.patientLevel {
            let length = min(bytes.count, ColumnSplitter.sampleBytes)
            let start = (bytes.count &- length) / 2
            let sample = UnsafeRawBufferPointer(rebasing: bytes[start..<(start &+ length)])
            compressor.use(level: 1, splits: false)
            let count = compressor.compressFrame(sample, into: free)
            if count.map({ $0 >= length / 4 &* 3 }) ?? true { return }
        }
        compressor.use(level: level, splits: layout.lengthColumns.contains(column &- 2))
    }

    private static let patientLevel: Int32 = 10
    private static let sampleBytes = 1 << 14
}
