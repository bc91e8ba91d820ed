import Glibc
import ReplayLog
import ReplaySystem
import Synchronization

/// What failed in a session, and what was reported. Any thread writes and reads it, except the held failure.
final class Failures: @unchecked Sendable {
    // Sendable: see above; the replay lock guards the held failure.

    let errors = ErrorBox()
    /// Warnings that the host got, so that each is reported once.
    private let warnings = Locked<Set<String>>([])
    private static let mostWarnings = 1000
    /// PLAY: what failed before the start, until the fingerprint is compared.
    var held: (error: ReplayError, reason: StopReason)?
    /// The thread that is inside the host's stop callback, which may not end the session.
    let stoppingThread = Atomic<UInt>(0)
    /// Has ``Session/reportFork()`` reported?
    let forkIsReported = Atomic<Bool>(false)
    let processID = getpid()

    /// - Returns: is this the first warning with that key?
    func isNewWarning(_ key: String) -> Bool {
        warnings.withLock { $0.count < Self.mostWarnings && $0.insert(key).inserted }
    }

    /// Resets everything, except that the last error stays readable.
    func reset() {
        held = nil
        warnings.withLock { $0.removeAll() }
    }
}
