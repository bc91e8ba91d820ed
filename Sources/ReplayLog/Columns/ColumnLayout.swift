/// Which columns the events of a chunk are split into: what ``ColumnSplitter`` and ``ColumnMerger`` share.
///
/// Each byte of the events is in exactly one column, unchanged, so that the columns together are as long as the events.
/// They are numbered: first bytes, steps of the icount, then those of each kind's fields by the table of kinds.
final class ColumnLayout {
    /// What a kind's fields need; ``unknown`` if its layout isn't known.
    struct Plan {
        var firstField: UInt16 = 0
        var fieldCount: UInt8 = ColumnLayout.unknown
    }

    struct Field {
        var type: EventLayout.Field
        /// The field's first column.
        var column: Int
        /// The number of this field among those of bytes.
        var number = 0
    }

    static let unknown: UInt8 = 255
    /// Columns 0 and 1.
    static let heads = 0
    static let steps = 1

    /// A clock's change, byte by byte: a column for each place in its LEB128. There are two such sets: for the first
    /// reading of the clock at an icount, and for the others.
    static let clockBytes = VarInt.maxLength
    static let clockColumns = 2 * clockBytes
    /// Of a field of bytes: its length, the first ``headBytes`` of each value, the rest.
    static let byteColumns = 3
    static let headBytes = 54

    /// By kind.
    let plans: UnsafeMutablePointer<Plan>
    /// Those of all kinds, one after the other.
    let fields: UnsafeMutablePointer<Field>
    let fieldCount: Int
    let columnCount: Int
    /// The numbers of the columns with lengths, each followed by the one with the values' beginnings.
    let lengthColumns: [Int]

    init(_ table: KindTable) {
        plans = .allocate(capacity: 64)
        plans.initialize(repeating: Plan(), count: 64)
        var fields: [Field] = []
        var column = 2
        var lengthColumns: [Int] = []
        for entry in table.entries {
            guard let layout = EventLayout(letters: entry.layout.utf8) else { continue }
            var plan = Plan(firstField: UInt16(truncatingIfNeeded: fields.count), fieldCount: 0)
            var code = layout.code
            while let type = EventLayout.Field(rawValue: code & 15) {
                code &>>= 4
                fields.append(Field(type: type, column: column, number: lengthColumns.count))
                plan.fieldCount &+= 1
                switch type {
                case .unsigned, .signed, .quad: column &+= 1
                case .clock: column &+= ColumnLayout.clockColumns
                case .bytes:
                    lengthColumns.append(column)
                    column &+= ColumnLayout.byteColumns
                }
            }
            plans[Int(entry.number & 63)] = plan
        }
        self.fields = .allocate(capacity: max(fields.count, 1))
        self.fields.initialize(from: fields, count: fields.count)
        fieldCount = fields.count
        columnCount = column
        self.lengthColumns = lengthColumns
    }

    deinit {
        plans.deallocate()
        fields.deallocate()
    }
}

/// A column in memory.
struct ColumnSpan {
    /// The next byte.
    var cursor: UnsafeMutableRawPointer
    var end: UnsafeMutableRawPointer
}
