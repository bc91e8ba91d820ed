import CXXHash

/// XXH3, 64 bits, seed 0, of bytes in memory.
package enum Checksum {
    package static func xxh3(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        // The inlined variant of the C header has a prefix.
        guard let start = bytes.baseAddress else { return XXH_INLINE_XXH3_64bits("", 0) }
        return XXH_INLINE_XXH3_64bits(start, bytes.count)
    }
}
