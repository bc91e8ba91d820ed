import CZstd

/// Compresses chunks, always the same way for the same bytes.
package final class Compressor {
    private let context: OpaquePointer

    package init?(level: Int32) {
        guard let context = ZSTD_createCCtx() else { return nil }
        self.context = context
        _ = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
    }

    /// For the next frames. To split is to end a block where the bytes change in kind, as in packets; a zstd that
    /// doesn't know that compresses a bit less.
    func use(level: Int32, splits: Bool) {
        _ = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
        // ZSTD_c_useBlockSplitter, which by itself is on at the highest levels only.
        _ = ZSTD_CCtx_setParameter(context, ZSTD_c_experimentalParam13, splits ? 1 : 0)
    }

    deinit {
        ZSTD_freeCCtx(context)
    }

    package static func bound(_ count: Int) -> Int {
        ZSTD_compressBound(count)
    }

    /// The compressed length, or nil if it isn't shorter than `raw`.
    ///
    /// If the ratio exceeds ``ChunkHeader/largestRatio``, a skippable frame pads the result, so that
    /// a reader can refuse a file that would need much more memory than its own size.
    package func compress(_ raw: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int? {
        guard let count = compressFrame(raw, into: target, orLonger: true) else { return nil }
        let least = raw.count / Int(ChunkHeader.largestRatio) &+ 1
        guard count < least else { return count < raw.count ? count : nil }
        let filled = count &+ max(least &- count, Compressor.skippableHeader)
        guard filled < raw.count, filled <= target.count else { return nil }
        var writer = ByteWriter()
        writer.writeUInt32(0x184D_2A50)
        writer.writeUInt32(UInt32(truncatingIfNeeded: filled &- count &- Compressor.skippableHeader))
        writer.pad(to: filled &- count)
        UnsafeMutableRawBufferPointer(rebasing: target[count..<filled]).copyBytes(from: writer.bytes)
        return filled
    }

    /// The length of one frame; nil if it isn't shorter than `raw`, unless it may be.
    func compressFrame(
        _ raw: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, orLonger: Bool = false
    ) -> Int? {
        let count = ZSTD_compress2(context, target.baseAddress, target.count, raw.baseAddress, raw.count)
        return ZSTD_isError(count) == 0 && (orLonger || count < raw.count) ? count : nil
    }

    private static let skippableHeader = 8
}
