/// A log's table of kinds: the names of its events and the layouts of their payloads.
///
/// It is in the metadata, so that a reader can skip or show a kind that it doesn't know.
package struct KindTable: Sendable {
    package struct Entry: Sendable, Equatable {
        package var number: UInt8
        package var name: String
        package var layout: String

        package init(number: UInt8, name: String, layout: String) {
            self.number = number
            self.name = name
            self.layout = layout
        }
    }

    package private(set) var entries: [Entry]

    /// The kinds of this library.
    static var own: KindTable {
        KindTable(
            entries: EventKind.allCases.map {
                Entry(number: $0.rawValue, name: $0.name.description, layout: $0.layout.description)
            })
    }

    package init(entries: [Entry]) {
        self.entries = entries
    }

    /// The kind of that number, if the log has one.
    package func entry(_ number: UInt8) -> Entry? {
        entries.first { $0.number == number }
    }

    func write(to writer: inout ByteWriter) {
        writer.writeVarInt(UInt64(truncatingIfNeeded: entries.count))
        for entry in entries {
            writer.writeUInt8(entry.number)
            writer.writeCounted(entry.name.utf8)
            writer.writeCounted(entry.layout.utf8)
        }
    }

    /// Nil if it is malformed, or names a number twice: all who look a kind up find the same layout.
    init?(reading reader: inout ByteReader) {
        guard let count = reader.readVarInt(), count < 64 else { return nil }
        entries = []
        var seen: UInt64 = 0
        for _ in 0..<count {
            guard let number = reader.readUInt8(), (1..<64).contains(number), let name = reader.readCounted(),
                let layout = reader.readCounted(), seen & 1 << UInt64(number) == 0
            else { return nil }
            seen |= 1 << UInt64(number)
            entries.append(
                Entry(
                    number: number, name: String(decoding: name, as: UTF8.self),
                    layout: String(decoding: layout, as: UTF8.self)))
        }
    }
}
