import Glibc

/// An open file, closed at the latest with its last reference.
package final class OpenFile: @unchecked Sendable {
    // Sendable: closed when no other thread uses it.

    package private(set) var descriptor: Int32
    /// While it is open, no other session of this process can use the file for something else.
    private var use: FileUse?
    private let system: Syscalls

    package init(_ descriptor: Int32, _ system: Syscalls) {
        self.descriptor = descriptor
        self.system = system
    }

    deinit {
        close()
    }

    /// Returns what already uses the file, or nil.
    package func begin(_ kind: FileUse.Kind) -> String? {
        let (use, conflict) = FileUse.begin(kind, descriptor)
        self.use = use
        return conflict
    }

    /// Releases its locks too.
    package func close() {
        // First, because a new file may get its number as soon as it is closed.
        use = nil
        system.close(descriptor)
        descriptor = -1
    }
}
