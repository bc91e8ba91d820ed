import CZstd

/// Compresses chunks, always the same way for the same bytes.
final class Compressor {
    private let context: OpaquePointer

    init?(level: Int32) {
        guard let context = ZSTD_createCCtx() else { return nil }
        self.context = context
        _ = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
    }

    deinit {
        ZSTD_freeCCtx(context)
    }

    static func bound(_ count: Int) -> Int {
        ZSTD_compressBound(count)
    }

    /// The compressed length, or nil if it isn't less than `raw`'s.
    func compress(_ raw: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int? {
        let count = ZSTD_compress2(context, target.baseAddress, target.count, raw.baseAddress, raw.count)
        return ZSTD_isError(count) == 0 && count < raw.count ? count : nil
    }
}
