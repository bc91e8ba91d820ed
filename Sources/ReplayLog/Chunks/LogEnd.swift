/// How a recording ended, written by its recorder.
package struct LogEnd: Equatable, Sendable {
    /// The cause, as the public header numbers it.
    package var cause: UInt32
    package var exitCode: Int32
    /// The instruction count at the end.
    package var icount: UInt64
    /// A digest of the guest's last state, if ``hasDigest``.
    package var digest: UInt64
    package var hasDigest: Bool
    /// The number of events; the writer fills it in.
    package var eventCount: UInt64

    package init(
        cause: UInt32 = 0, exitCode: Int32 = 0, icount: UInt64 = 0, digest: UInt64 = 0,
        hasDigest: Bool = false,
        eventCount: UInt64 = 0
    ) {
        self.cause = cause
        self.exitCode = exitCode
        self.icount = icount
        self.digest = digest
        self.hasDigest = hasDigest
        self.eventCount = eventCount
    }
}
