import Glibc

// Memory of the host, checked: nil for what can't be right.

/// NULL is allowed if there are no bytes.
func bytes(_ pointer: UnsafeRawPointer?, _ length: Int) -> UnsafeRawBufferPointer? {
    guard length >= 0, pointer != nil || length == 0 else { return nil }
    return UnsafeRawBufferPointer(start: length == 0 ? nil : pointer, count: length)
}

func room(_ pointer: UnsafeMutableRawPointer?, _ length: Int) -> UnsafeMutableRawBufferPointer? {
    guard length >= 0, pointer != nil || length == 0 else { return nil }
    return UnsafeMutableRawBufferPointer(start: length == 0 ? nil : pointer, count: length)
}

/// The pieces of a vector, and their length together.
func checked(_ pieces: UnsafePointer<iovec>?, _ count: Int32) -> (pieces: [iovec], length: Int)? {
    guard count >= 0, count <= 1024, pieces != nil || count == 0 else { return nil }
    var length = 0
    let all = Array(UnsafeBufferPointer(start: pieces, count: Int(count)))
    for piece in all {
        guard piece.iov_base != nil || piece.iov_len == 0, piece.iov_len >= 0 else { return nil }
        let (sum, overflow) = length.addingReportingOverflow(Int(truncatingIfNeeded: piece.iov_len))
        guard !overflow, sum <= 1 << 30 else { return nil }
        length = sum
    }
    return (all, length)
}
