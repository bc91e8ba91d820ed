import ReplaySystem

/// What a map has that an older one doesn't.
package struct ExtentChanges {
    /// Parts of the newer map whose bytes are elsewhere in the older one, or that it doesn't have.
    package var changed: [Extent] = []
    /// What only the older one has.
    package var removed: [Range<UInt64>] = []

    package init() {}
}

extension ExtentMap {
    /// Distinguishes the chunk from all others that exist at this time.
    static func identity(of chunk: [Extent]) -> UnsafeRawPointer? { chunk.withUnsafeBytes { $0.baseAddress } }

    /// Compares only chunks that the two don't share. Nil: memory ran out.
    package func changes(since old: ExtentMap) -> ExtentChanges? {
        guard CheckedMemory.has(64 &* (chunks.count &+ old.chunks.count &+ 1)) else { return nil }
        let known = Set(old.chunks.map { Self.identity(of: $0) })
        let own = Set(chunks.map { Self.identity(of: $0) })
        var changes = ExtentChanges()
        for chunk in chunks where !known.contains(Self.identity(of: chunk)) {
            for extent in chunk {
                guard changes.addChanges(of: extent, since: old.parts(in: extent.range)) else { return nil }
            }
        }
        for chunk in old.chunks where !own.contains(Self.identity(of: chunk)) {
            for extent in chunk {
                guard changes.addRemoved(extent.range, except: parts(in: extent.range)) else { return nil }
            }
        }
        return changes
    }
}

extension ExtentChanges {
    /// False: memory ran out.
    fileprivate mutating func addChanges(of extent: Extent, since old: [Extent]) -> Bool {
        guard changed.makeRoom(for: old.count &+ 1) else { return false }
        var start = extent.range.lowerBound
        func add(upTo end: UInt64, to changed: inout [Extent]) {
            if end > start { changed.append(extent.clamped(to: start..<end)) }
        }
        for part in old where extent.clamped(to: part.range).place == part.place {
            add(upTo: part.range.lowerBound, to: &changed)
            start = part.range.upperBound
        }
        add(upTo: extent.range.upperBound, to: &changed)
        return true
    }

    /// False: memory ran out.
    fileprivate mutating func addRemoved(_ range: Range<UInt64>, except parts: [Extent]) -> Bool {
        guard removed.makeRoom(for: parts.count &+ 1) else { return false }
        var start = range.lowerBound
        for part in parts {
            if part.range.lowerBound > start { removed.append(start..<part.range.lowerBound) }
            start = part.range.upperBound
        }
        if range.upperBound > start { removed.append(start..<range.upperBound) }
        return true
    }
}
