import CReplay
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
    guard count >= 0, count <= Int32(REPLAY_PIECES_MAX), pieces != nil || count == 0 else { return nil }
    // Of the copy: the host's may change meanwhile.
    let all = Array(UnsafeBufferPointer(start: pieces, count: Int(count)))
    let length = replay_pieces_length(all, count)
    return length < 0 ? nil : (all, Int(length))
}
