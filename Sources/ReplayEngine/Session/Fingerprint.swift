import ReplayLog

/// What is known of the machine: key and value pairs, in the order told. Two are equal only if all bytes are.
package struct Fingerprint {
    private(set) var pairs: [(key: ByteText, value: ByteText)] = []
    /// Where each key is in ``pairs``: only that order counts. Keys may have thousands of equal bytes.
    private var places: [ByteText: Int] = [:]
    /// The bytes that the pairs need in a log, and how many are the host's.
    private var size = 0
    private var hostPairs = 0
    /// Keys of the library's own begin so.
    static let reserved = "replay."

    init(_ pairs: [(key: ByteText, value: ByteText)] = []) {
        self.pairs = pairs
        count()
    }

    subscript(_ key: ByteText) -> ByteText? {
        get { places[key].map { pairs[$0].value } }
        set {
            guard let place = places[key] else {
                guard let newValue else { return }
                places[key] = pairs.count
                pairs.append((key, newValue))
                note(key, newValue)
                return
            }
            guard let newValue else {
                pairs.remove(at: place)
                return count()
            }
            size &+= newValue.bytes.count &- pairs[place].value.bytes.count
            pairs[place].value = newValue
        }
    }

    private mutating func count() {
        places.removeAll(keepingCapacity: true)
        (size, hostPairs) = (0, 0)
        for (place, pair) in pairs.enumerated() {
            // Of two with one key, which only a damaged log has, the first counts.
            if places[pair.key] == nil { places[pair.key] = place }
            note(pair.key, pair.value)
        }
    }

    private mutating func note(_ key: ByteText, _ value: ByteText) {
        size &+= LogMetadata.size(ofPair: key, value)
        if !key.hasPrefix(Fingerprint.reserved) { hostPairs &+= 1 }
    }

    /// A field of the library's own.
    subscript(_ key: String) -> String? {
        get { self[ByteText(key)]?.string }
        set { self[ByteText(key)] = newValue.map { ByteText($0) } }
    }

    /// So many fields of the host's fit into a log, beside those of the library.
    static let mostPairs = 4000

    /// Would the log still hold the fingerprint with that field of the host's?
    func hasRoom(for key: ByteText, _ value: ByteText) -> Bool {
        var (size, count) = (size, hostPairs)
        if let old = self[key] {
            size &+= value.bytes.count &- old.bytes.count
        } else {
            size &+= LogMetadata.size(ofPair: key, value)
            count &+= 1
        }
        return count <= Fingerprint.mostPairs && size <= LogMetadata.longestFingerprint
    }

    /// The fields in which this machine differs from the recorded one: in the recorded order, then
    /// those that the recording doesn't have.
    func differences(from recorded: Fingerprint) -> [Difference] {
        var differences: [Difference] = []
        for (key, value) in recorded.pairs where self[key] != value {
            differences.append(Difference(key: key, recorded: value, here: self[key]))
        }
        for (key, value) in pairs where recorded[key] == nil {
            differences.append(Difference(key: key, recorded: nil, here: value))
        }
        return differences
    }

    /// A field that the recorded machine and this one don't have in common.
    struct Difference {
        let key: ByteText
        /// Nil: the recorded machine didn't have the field.
        let recorded: ByteText?
        /// Nil: this machine doesn't have it.
        let here: ByteText?

        /// "ram was 64 MiB, is now 128 MiB"
        var description: String {
            let (recorded, here) = texts
            guard let recorded else { return "\(key) was not given, is now \(Self.shortened(here ?? ""))" }
            guard let here else { return "\(key) was \(Self.shortened(recorded)), is not given now" }
            let common = zip(recorded, here).prefix { $0 == $1 }.count
            return
                "\(key) was \(Self.shortened(recorded, from: common)), is now \(Self.shortened(here, from: common))"
        }

        /// Both values as text, in which they differ as well.
        var texts: (recorded: String?, here: String?) {
            let (before, now) = (recorded?.description, here?.description)
            return before == now ? (recorded?.escaped, here?.escaped) : (before, now)
        }

        private static let longest = 80

        /// As much of a value as a sentence can hold, with the place at which it differs.
        private static func shortened(_ value: String, from place: Int = 0) -> String {
            if value.count <= longest { return value }
            let start = place < longest / 2 ? 0 : place - longest / 4
            let rest = value.dropFirst(start)
            return (start > 0 ? "…" : "") + rest.prefix(longest - 2) + (rest.count > longest - 2 ? "…" : "")
        }
    }

    /// All of them in one sentence of at most `room` bytes: what doesn't fit is counted.
    static func describe(_ differences: [Difference], room: Int) -> String {
        var sentence = "the machine differs from the recording: "
        for (index, difference) in differences.enumerated() {
            let next = (index == 0 ? "" : "; ") + difference.description
            let isLast = index == differences.count - 1
            let more = isLast ? 0 : "; and \(differences.count) more".utf8.count
            if index > 0, sentence.utf8.count + next.utf8.count + more > room {
                return "\(sentence); and \(differences.count - index) more"
            }
            sentence += next
        }
        return sentence
    }
}
