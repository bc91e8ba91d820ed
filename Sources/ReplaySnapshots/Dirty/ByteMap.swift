/// A host's map: one byte for each page. The library reads and clears bit 0, the others belong to the host.
struct ByteMap {
    private let bytes: UnsafeMutablePointer<UInt8>
    private let count: Int
    private static let bits: UInt64 = 0x0101_0101_0101_0101

    init(_ bytes: UnsafeMutablePointer<UInt8>, count: Int) {
        self.bytes = bytes
        self.count = count
    }

    var range: Range<UInt> {
        let start = UInt(bitPattern: bytes)
        return start..<start &+ UInt(count)
    }

    func clear(_ pages: Range<Int>) {
        for page in pages { bytes[page] &= 0xFE }
    }

    func collect(_ note: (Int) -> Void) {
        forEachWritten { page in
            bytes[page] &= 0xFE
            note(page)
        }
    }

    /// How many pages were written.
    var written: Int {
        let raw = UnsafeRawPointer(bytes)
        var (found, page) = (0, 0)
        while count &- page >= 8 {
            found &+=
                (raw.loadUnaligned(fromByteOffset: page, as: UInt64.self) & ByteMap.bits).nonzeroBitCount
            page &+= 8
        }
        for one in page..<count where bytes[one] & 1 != 0 { found &+= 1 }
        return found
    }

    @inline(__always)
    private func forEachWritten(_ body: (Int) -> Void) {
        let raw = UnsafeRawPointer(bytes)
        var page = 0
        while page < count {
            // Most are clean.
            if count &- page >= 8
                && raw.loadUnaligned(fromByteOffset: page, as: UInt64.self) & ByteMap.bits == 0
            {
                page &+= 8
                continue
            }
            for one in page..<min(page &+ 8, count) where bytes[one] & 1 != 0 { body(one) }
            page &+= 8
        }
    }
}
