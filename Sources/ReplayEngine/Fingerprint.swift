import ReplayLog

/// What is known of the machine: key and value pairs, in the order told. Two are equal only if all bytes are.
package struct Fingerprint {
    private(set) var pairs: [(key: ByteText, value: ByteText)] = []
    /// Keys of the library's own begin so.
    static let reserved = "replay."

    init(_ pairs: [(key: ByteText, value: ByteText)] = []) { self.pairs = pairs }

    subscript(_ key: ByteText) -> ByteText? {
        get { pairs.first { $0.key == key }?.value }
        set {
            guard let place = pairs.firstIndex(where: { $0.key == key }) else {
                if let newValue { pairs.append((key, newValue)) }
                return
            }
            if let newValue { pairs[place].value = newValue } else { pairs.remove(at: place) }
        }
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
        var size = LogMetadata.size(ofPair: key, value)
        var count = 1
        for pair in pairs where pair.key != key {
            size &+= LogMetadata.size(ofPair: pair.key, pair.value)
            if !pair.key.hasPrefix(Fingerprint.reserved) { count &+= 1 }
        }
        return count <= Fingerprint.mostPairs && size <= LogMetadata.longestFingerprint
    }

    /// The first field, in the recorded order, in which this machine differs
    /// from the recorded one.
    func difference(from recorded: Fingerprint) -> (key: ByteText, recorded: ByteText?, here: ByteText?)? {
        for (key, value) in recorded.pairs where self[key] != value { return (key, value, self[key]) }
        for (key, value) in pairs where recorded[key] == nil { return (key, nil, value) }
        return nil
    }
}
