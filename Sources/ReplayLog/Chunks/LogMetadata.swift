import ReplaySystem

/// What a log says about its recording: the machine's fingerprint, and how its clocks count.
package struct LogMetadata: Sendable {
    /// Key and value pairs of the host, in the order given.
    package var fingerprint: [(key: ByteText, value: ByteText)]
    /// When the recording began, from the host, in nanoseconds since 1970; 0: unknown.
    package var createdNs: UInt64
    /// The clock's shift; 255: automatic.
    package var shift: UInt8
    /// For the engine.
    package var flags: UInt32
    /// The log's format; a writer always writes the current one.
    package var formatVersion: UInt32

    package init(
        fingerprint: [(key: ByteText, value: ByteText)] = [], createdNs: UInt64 = 0, shift: UInt8 = 0,
        flags: UInt32 = 0
    ) {
        self.fingerprint = fingerprint
        self.createdNs = createdNs
        self.shift = shift
        self.flags = flags
        formatVersion = FileHeader.version
    }

    /// The virtual time that so many instructions took, without what was slept, which only a replay computes.
    /// Nil: the shift is automatic, or 64 bits don't hold the time.
    package func nanoseconds(_ icount: UInt64) -> UInt64? { LogMetadata.nanoseconds(icount, shift: shift) }

    package static func nanoseconds(_ icount: UInt64, shift: UInt8) -> UInt64? {
        guard shift < 64 else { return nil }
        let (high, low) = icount.multipliedFullWidth(by: 1 << UInt64(shift))
        return high == 0 ? low : nil
    }
}

extension LogMetadata {
    /// The log was made from one of a different program, and holds that program's events: no replay knows them.
    package static let convertedFlag: UInt32 = 1 << 31

    package var isConverted: Bool { flags & LogMetadata.convertedFlag != 0 }
}
