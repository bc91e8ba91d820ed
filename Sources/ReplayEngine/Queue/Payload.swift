import Glibc
import ReplayLog

/// Bytes on their way to the guest or the log, see ``CheckedMemory``.
final class Payload: @unchecked Sendable {
    // Sendable: whoever holds it last has filled it.

    let bytes: UnsafeMutableRawBufferPointer

    /// nil when memory runs out. The bytes are zero.
    init?(count: Int) {
        guard let memory = CheckedMemory.allocate(count) else { return nil }
        bytes = UnsafeMutableRawBufferPointer(start: memory, count: count)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    convenience init?(copying source: UnsafeRawBufferPointer) {
        self.init(count: source.count)
        bytes.copyMemory(from: source)
    }

    /// The pieces one behind the other, as far as `count` goes.
    convenience init?(_ pieces: [iovec], count: Int) {
        self.init(count: count)
        var at = 0
        for piece in pieces where piece.iov_len > 0 {
            guard let base = piece.iov_base, piece.iov_len <= count - at else { return }
            bytes.baseAddress?.advanced(by: at).copyMemory(from: base, byteCount: piece.iov_len)
            at += piece.iov_len
        }
    }

    deinit { CheckedMemory.free(bytes.baseAddress) }

    var readOnly: UnsafeRawBufferPointer { UnsafeRawBufferPointer(bytes) }

    /// For a callback of the host's.
    func withBytes(_ body: (UnsafePointer<UInt8>?, Int) -> Void) {
        body(UnsafePointer(bytes.bindMemory(to: UInt8.self).baseAddress), bytes.count)
    }
}
