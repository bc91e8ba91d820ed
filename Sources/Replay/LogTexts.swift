import CReplay
import ReplayLog
import ReplaySystem

/// A log's texts as C strings, which are valid as long as this object.
final class LogTexts {
    static let parent = ByteText("replay.parent")
    private static let kinds = 64
    private static let values = Int(REPLAY_LOG_VALUES)
    /// The integers that an event holds.
    private static let integers = 6

    /// The number of fields of the fingerprint.
    let fields: Int
    private let fingerprint: [(key: ByteText, value: ByteText)]
    private let bytes = RawBuffer()
    /// Pointers to the texts: the reason, the kinds' names, the names of their values, keys and values in turn.
    private let pointers = RawBuffer()
    private var valueCounts = [UInt32](repeating: 0, count: kinds)

    /// Nil: memory ran out.
    init?(_ reader: LogReader) {
        fingerprint = reader.metadata.fingerprint
        fields = fingerprint.count
        var texts: [[UInt8]] = [Self.reason(reader.state)]
        var (names, values) = ([[UInt8]](), [[UInt8]]())
        for number in 0..<Self.kinds {
            let entry = reader.kinds.entry(UInt8(truncatingIfNeeded: number))
            names.append(Array((entry?.name ?? "KIND_\(number)").utf8))
            let ofKind = Self.valueNames(EventKind(rawValue: UInt8(number)), layout: entry?.layout ?? "")
            valueCounts[number] = UInt32(truncatingIfNeeded: ofKind.count)
            for place in 0..<Self.values {
                values.append(place < ofKind.count ? Array(ofKind[place].utf8) : [])
            }
        }
        texts += names + values
        guard store(texts) else { return nil }
    }

    private static func reason(_ state: LogState) -> [UInt8] {
        if case .died(let reason) = state { return Array(reason.utf8) }
        return []
    }

    private static func valueNames(_ kind: EventKind?, layout: String) -> [String] {
        let known = kind?.valueNames ?? []
        let count = min(layout.utf8.filter { $0 != UInt8(ascii: "b") }.count, integers)
        var names = (0..<count).map { number in
            number < known.count ? known[number].description : EventKind.nameOfUnknownValue(number)
        }
        if kind == .inputFrom, names.count == integers {
            names += [EventKind.originNames.port.description, EventKind.originNames.device.description]
        }
        return names
    }

    private func store(_ texts: [[UInt8]]) -> Bool {
        let size =
            texts.reduce(0) { $0 &+ $1.count &+ 1 }
            &+ fingerprint.reduce(0) { $0 &+ $1.key.bytes.count &+ $1.value.bytes.count &+ 2 }
        let count = texts.count &+ 2 &* fields
        guard bytes.reserve(size), pointers.reserve(count &* MemoryLayout<UnsafeRawPointer>.stride),
            let start = bytes.start, let table
        else { return false }
        var offset = 0
        var number = 0
        func add(_ text: [UInt8]) {
            text.withUnsafeBytes {
                if let from = $0.baseAddress { (start + offset).copyMemory(from: from, byteCount: $0.count) }
            }
            (start + offset).storeBytes(of: 0, toByteOffset: text.count, as: UInt8.self)
            table[number] = UnsafePointer((start + offset).assumingMemoryBound(to: CChar.self))
            offset &+= text.count &+ 1
            number &+= 1
        }
        for text in texts { add(text) }
        for (key, value) in fingerprint {
            add(key.bytes)
            add(value.bytes)
        }
        return true
    }

    private var table: UnsafeMutablePointer<UnsafePointer<CChar>?>? {
        pointers.start?.assumingMemoryBound(to: UnsafePointer<CChar>?.self)
    }

    // MARK: Texts

    /// Why the log has no end, or "".
    var reason: UnsafePointer<CChar>? { table?[0] }

    func kindName(_ kind: Int) -> UnsafePointer<CChar>? { table?[1 &+ (kind & 63)] }

    func valueCount(_ kind: Int) -> UInt32 { valueCounts[kind & 63] }

    func valueNames(_ kind: Int) -> UnsafePointer<UnsafePointer<CChar>?>? {
        guard let table else { return nil }
        let place: Int = 1 &+ Self.kinds &+ (kind & 63) &* Self.values
        return UnsafePointer(table + place)
    }

    /// A field of the fingerprint.
    func field(_ index: Int) -> (key: UnsafePointer<CChar>?, value: UnsafePointer<CChar>?)? {
        guard fingerprint.indices.contains(index), let table else { return nil }
        let place = 1 &+ Self.kinds &* (1 &+ Self.values) &+ 2 &* index
        return (table[place], table[place &+ 1])
    }

    /// The value of the first field with this key.
    func value(of key: ByteText) -> UnsafePointer<CChar>? {
        fingerprint.firstIndex { $0.key == key }.flatMap { field($0)?.value }
    }
}
