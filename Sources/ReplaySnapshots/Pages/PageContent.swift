import CXXHash
import Glibc

/// The XXH3 of a page, 128 bits: pages with the same one count as equal.
struct PageHash: Hashable, BitwiseCopyable {
    var low: UInt64 = 0
    var high: UInt64 = 0

    init() {}

    init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    init(_ bytes: UnsafeRawBufferPointer) {
        let hash = XXH_INLINE_XXH3_128bits(bytes.baseAddress, bytes.count)
        low = hash.low64
        high = hash.high64
    }
}

/// What is done with the bytes of a page.
enum PageContent {
    static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let start = bytes.baseAddress, bytes.count > 0 else { return true }
        // Each byte equals the one after it, and the first one is zero.
        return bytes[0] == 0 && memcmp(start, start + 1, bytes.count &- 1) == 0
    }

    static func clear(_ bytes: UnsafeMutableRawBufferPointer) {
        if let start = bytes.baseAddress { memset(start, 0, bytes.count) }
    }

    /// Combines the bytes of `target` with those of `base`. Returns how many words aren't zero then.
    ///
    /// The length is a multiple of eight.
    @discardableResult
    static func combine(_ target: UnsafeMutableRawPointer, with base: UnsafeRawPointer, count: Int) -> Int {
        var offset = 0
        var different = 0
        while offset < count {
            let word =
                target.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                ^ base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            target.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
            different &+= word == 0 ? 0 : 1
            offset &+= 8
        }
        return different
    }
}
