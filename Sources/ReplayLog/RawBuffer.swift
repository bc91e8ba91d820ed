/// Memory whose length comes from a file, see ``CheckedMemory``. ``slack`` more bytes can be read after
/// ``capacity``.
final class RawBuffer {
    /// A decoder reads whole words, and so beyond the end.
    static let slack = 64

    private(set) var start: UnsafeMutableRawPointer?
    private(set) var capacity = 0

    /// Makes room for `count` bytes, and loses what was in it. False: memory ran out.
    func reserve(_ count: Int) -> Bool {
        if start != nil && count <= capacity { return true }
        release()
        let (total, overflow) = count.addingReportingOverflow(RawBuffer.slack)
        guard count >= 0, !overflow, let memory = CheckedMemory.allocate(total) else { return false }
        start = memory
        capacity = count
        return true
    }

    /// Clears the bytes that a decoder may read after `count` bytes.
    func clearSlack(behind count: Int) {
        guard let start, count <= capacity else { return }
        UnsafeMutableRawBufferPointer(start: start + count, count: RawBuffer.slack).initializeMemory(
            as: UInt8.self, repeating: 0)
    }

    func release() {
        CheckedMemory.free(start)
        start = nil
        capacity = 0
    }

    deinit {
        CheckedMemory.free(start)
    }
}
