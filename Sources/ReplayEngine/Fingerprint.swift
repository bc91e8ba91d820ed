/// What is known of the machine: key and value pairs, in the order told.
package struct Fingerprint {
    private(set) var pairs: [(key: String, value: String)] = []
    /// Keys of the library's own begin so.
    static let reserved = "replay."

    init(_ pairs: [(key: String, value: String)] = []) { self.pairs = pairs }

    subscript(_ key: String) -> String? {
        get { pairs.first { $0.key == key }?.value }
        set {
            guard let place = pairs.firstIndex(where: { $0.key == key }) else {
                if let newValue { pairs.append((key, newValue)) }
                return
            }
            if let newValue { pairs[place].value = newValue } else { pairs.remove(at: place) }
        }
    }

    /// The first field, in the recorded order, in which this machine differs
    /// from the recorded one.
    func difference(from recorded: Fingerprint) -> (key: String, recorded: String?, here: String?)? {
        for (key, value) in recorded.pairs where self[key] != value { return (key, value, self[key]) }
        for (key, value) in pairs where recorded[key] == nil { return (key, nil, value) }
        return nil
    }
}
