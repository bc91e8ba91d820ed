import ReplayLog

/// The payload of a LEAF record: up to 64 leaves.
enum LeafPayload {
    static let most = 64
    static let headSize = 4
    static let leafSize = 8 + PageLayout.leafPages * 8
    static let longest = headSize + most * leafSize

    static func encoded(_ leaves: [(index: Int, leaf: Leaf)], in store: PageStore) -> [UInt8] {
        var writer = ByteWriter()
        writer.writeUInt32(UInt32(truncatingIfNeeded: leaves.count))
        for (index, leaf) in leaves {
            let pages = store.layout.pages(ofLeaf: index)
            writer.writeUInt32(pages.first.region)
            writer.writeUInt32(pages.first.page)
            for entry in 0..<PageLayout.leafPages {
                let version = entry < pages.count ? leaf.entries[entry] : FixedVersion.start
                writer.writeUInt64(store.store.reference(version).bits)
            }
        }
        return writer.bytes
    }

    /// Copies the references of one leaf. False: the payload doesn't have it.
    static func copy(
        _ number: Int, first: PageAddress, in bytes: UnsafeRawBufferPointer,
        to target: UnsafeMutablePointer<UInt64>
    ) -> Bool {
        var reader = ByteReader(bytes)
        guard let count = reader.readUInt32(), number < Int(count),
            bytes.count == headSize &+ Int(count) &* leafSize,
            reader.readBytes(number &* leafSize) != nil,
            reader.readUInt32() == first.region, reader.readUInt32() == first.page
        else { return false }
        for entry in 0..<PageLayout.leafPages {
            guard let bits = reader.readUInt64() else { return false }
            target[entry] = bits
        }
        return true
    }
}
