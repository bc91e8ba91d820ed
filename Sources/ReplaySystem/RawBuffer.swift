import CReplay
import Glibc

/// The library's only kind of buffer whose length a host, a file or a guest decides. If memory runs out there is no
/// buffer; nothing traps.
///
/// ``slack`` more bytes can be read after ``capacity``.
package final class RawBuffer: @unchecked Sendable {
    // Sendable: one thread at a time uses it, and fills it before it passes it on.

    /// A decoder reads whole words, and so beyond the end.
    package static let slack = 64

    package private(set) var start: UnsafeMutableRawPointer?
    package private(set) var capacity = 0

    /// Without memory, until ``reserve(_:)``.
    package init() {}

    /// nil if memory runs out. The bytes are zero.
    package convenience init?(count: Int) {
        self.init()
        guard reserve(count) else { return nil }
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    /// nil if memory runs out.
    package convenience init?(copying source: UnsafeRawBufferPointer) {
        self.init()
        guard reserve(source.count) else { return nil }
        bytes.copyMemory(from: source)
    }

    /// The pieces one after the other, up to `count` bytes, and zeros after them; nil if memory runs out.
    package convenience init?(_ pieces: [iovec], count: Int) {
        self.init()
        guard reserve(count), let start else { return nil }
        let at = replay_pieces_gather(start, count, pieces, Int32(truncatingIfNeeded: pieces.count))
        (start + at).initializeMemory(as: UInt8.self, repeating: 0, count: count - at)
    }

    /// Makes room for `count` bytes, and loses what was in it. False: memory ran out.
    package func reserve(_ count: Int) -> Bool {
        if start != nil && count <= capacity { return true }
        release()
        let (total, overflow) = count.addingReportingOverflow(RawBuffer.slack)
        guard count >= 0, !overflow, let memory = CheckedMemory.allocate(total) else { return false }
        start = memory
        capacity = count
        return true
    }

    package func release() {
        CheckedMemory.free(start)
        start = nil
        capacity = 0
    }

    deinit { CheckedMemory.free(start) }

    // MARK: Content

    @inlinable
    package var bytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: start, count: capacity)
    }

    @inlinable
    package var readOnly: UnsafeRawBufferPointer { UnsafeRawBufferPointer(bytes) }

    /// For a callback of the host.
    package func withBytes(_ body: (UnsafePointer<UInt8>?, Int) -> Void) {
        body(UnsafePointer(bytes.bindMemory(to: UInt8.self).baseAddress), bytes.count)
    }

    /// Copies the bytes to the pieces, one after the other.
    package func scatter(to pieces: [iovec]) {
        replay_pieces_scatter(pieces, Int32(truncatingIfNeeded: pieces.count), start, capacity)
    }

    /// The whole buffer as one piece, which is stored in the buffer's slack and so lives as long.
    package var piece: UnsafeMutablePointer<iovec>? {
        guard let start else { return nil }
        let place = (start + capacity).alignedUp(for: iovec.self)
        return place.initializeMemory(as: iovec.self, to: iovec(iov_base: start, iov_len: capacity))
    }

    /// Clears the bytes that a decoder may read after `count` bytes.
    package func clearSlack(after count: Int) {
        guard let start, count <= capacity else { return }
        UnsafeMutableRawBufferPointer(start: start + count, count: RawBuffer.slack).initializeMemory(
            as: UInt8.self, repeating: 0)
    }
}
