import ReplayLog

/// The place of a snapshot, as its state has it: see `STATE` on the format page.
package struct SnapshotPosition: Equatable {
    package var icount: UInt64
    /// The events before it.
    package var event: UInt64
    /// Of which recording it is: ``LogReader/seek(toEvent:)``.
    package var chain: UInt64

    /// What precedes the three numbers in the engine's state.
    private static let engineHead = 16

    /// Nil: it isn't a state.
    package init?(state bytes: UnsafeRawBufferPointer) {
        var reader = ByteReader(bytes)
        guard let nameLength = reader.readUInt32(), reader.readUInt32() != nil, reader.readUInt32() != nil,
            reader.readBytes(Int(nameLength)) != nil, reader.readBytes(Self.engineHead) != nil,
            let icount = reader.readUInt64(), let event = reader.readUInt64(), let chain = reader.readUInt64()
        else { return nil }
        (self.icount, self.event, self.chain) = (icount, event, chain)
    }
}
