import ReplaySystem

/// A snapshot of a file: its table, as references to what is in the file.
package final class FileSnapshot {
    let commit: CommitPayload
    let references: UnsafeMutablePointer<UInt64>
    private let buffer: RawBuffer

    package var label: SnapshotLabel { commit.label }

    /// All pages as at the start. Nil: memory runs out.
    init?(_ commit: CommitPayload, _ layout: PageLayout) {
        let count = layout.leafCount &* PageLayout.leafPages
        guard let buffer = RawBuffer(count: max(count, 1) &* 8), let start = buffer.start else { return nil }
        self.commit = commit
        self.buffer = buffer
        references = start.bindMemory(to: UInt64.self, capacity: count)
    }

    func reference(_ address: PageAddress, _ layout: PageLayout) -> FileReference {
        let place = layout.place(address)
        return FileReference(bits: references[place.leaf &* PageLayout.leafPages &+ place.entry])
    }
}
