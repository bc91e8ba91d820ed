import CZstd

/// Decompresses chunks.
package final class Decompressor {
    private let context: OpaquePointer

    package init?() {
        guard let context = ZSTD_createDCtx() else { return nil }
        self.context = context
    }

    deinit {
        ZSTD_freeDCtx(context)
    }

    /// False unless exactly `target.count` bytes come out.
    package func decompress(_ stored: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer)
        -> Bool
    {
        let count = ZSTD_decompressDCtx(
            context, target.baseAddress, target.count, stored.baseAddress, stored.count)
        return ZSTD_isError(count) == 0 && count == target.count
    }
}
