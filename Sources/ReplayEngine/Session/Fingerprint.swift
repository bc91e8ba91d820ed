import CReplay
import ReplayLog
import ReplaySystem

/// The description of the machine: key and value pairs, in the order of the calls. Two are equal only if all bytes are.
package struct Fingerprint {
    private(set) var pairs: [(key: ByteText, value: ByteText)] = []
    /// The place of each key in ``pairs``, whose order is the one that counts. Keys may have thousands of equal bytes.
    private var places: [ByteText: Int] = [:]
    /// The bytes that the pairs need in a log, and the number of pairs from the host.
    private var size = 0
    private var hostPairs = 0
    /// The prefix of the library's own keys.
    static let reserved = REPLAY_KEY_PREFIX

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
            // A damaged log may have a key twice: the first one counts.
            if places[pair.key] == nil { places[pair.key] = place }
            note(pair.key, pair.value)
        }
    }

    private mutating func note(_ key: ByteText, _ value: ByteText) {
        size &+= LogMetadata.size(ofPair: key, value)
        if !key.hasPrefix(Fingerprint.reserved) { hostPairs &+= 1 }
    }

    /// Sets a field of the library's own.
    subscript(_ key: String) -> String? {
        get { self[ByteText(key)]?.string }
        set { self[ByteText(key)] = newValue.map { ByteText($0) } }
    }

    /// The number of fields from the host that fit into a log, beside those of the library.
    static let mostPairs = 4000

    /// Would the fingerprint still fit into a log with that field from the host?
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

    /// The fields in which this machine differs from the recorded one, in the recorded order, followed by
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

    /// A field in which the recorded machine and this one differ.
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

        /// Both values as text, shortened so that the difference is visible.
        var texts: (recorded: String?, here: String?) {
            let (before, now) = (recorded?.description, here?.description)
            return before == now ? (recorded?.escaped, here?.escaped) : (before, now)
        }

        private static let longest = 80

        /// The part of a value that fits a sentence, with the place where it differs.
        private static func shortened(_ value: String, from place: Int = 0) -> String {
            if value.count <= longest { return value }
            let start = place < longest / 2 ? 0 : place - longest / 4
            let rest = value.dropFirst(start)
            return (start > 0 ? "…" : "") + rest.prefix(longest - 2) + (rest.count > longest - 2 ? "…" : "")
        }
    }

    /// All differences in one sentence of at most `room` bytes; those that don't fit are counted.
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
