import ReplaySystem

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

    /// Why there are no more events.
    package enum Ending: UInt8, Sendable {
        /// The recorder finished it.
        case finished = 0
        /// Its recorder died; the log was sealed afterwards.
        case died = 1
        /// What followed was cut off on purpose.
        case cut = 2
        /// Events were lost to damage, here or before.
        case damaged = 3
    }

    package var ending = Ending.finished
    /// The errno with which a recorder that died had stopped; 0: unknown, or another ending.
    package var recorderErrno: Int32 = 0

    package init(
        cause: UInt32 = 0, exitCode: Int32 = 0, icount: UInt64 = 0, digest: UInt64 = 0,
        hasDigest: Bool = false, eventCount: UInt64 = 0, ending: Ending = .finished, recorderErrno: Int32 = 0
    ) {
        self.cause = cause
        self.exitCode = exitCode
        self.icount = icount
        self.digest = digest
        self.hasDigest = hasDigest
        self.eventCount = eventCount
        self.ending = ending
        self.recorderErrno = recorderErrno
    }

    /// Why a replay of the log stops before its run has ended; nil: it was finished.
    package var reason: String? {
        switch ending {
        case .finished: nil
        case .died where recorderErrno != 0: "its recorder stopped: \(SystemError(recorderErrno))"
        case .died: "its recorder ended without replay_finish()"
        case .cut: "its end was cut off"
        case .damaged: "a part of it was lost to damage"
        }
    }
}
