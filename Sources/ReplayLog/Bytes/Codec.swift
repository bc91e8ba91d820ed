/// How a chunk's payload is stored.
enum Codec: UInt8 {
    case stored = 0
    case zstd = 1
    /// The events' fields apart, each compressed by itself: ``ColumnSplitter``, ``ColumnMerger``.
    case columns = 2
}
