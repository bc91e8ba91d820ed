import CReplay
import Glibc
import ReplayLog
import Synchronization

/// What went wrong in a session, and who knows of it. Any thread writes and reads it, except what is held.
final class Failures: @unchecked Sendable {
    // Sendable: see above; the held failure belongs to the owner of the replay lock.

    let errors = ErrorBox()
    /// Warnings that the host has had: each is reported once.
    private let warnings = Locked<Set<String>>([])
    private static let mostWarnings = 1000
    /// PLAY: what failed before the start, until the fingerprint is compared.
    var held: (error: ReplayError, reason: Int)?
    /// The thread that is inside the host's stop callback, which may not end the session.
    let stoppingThread = Atomic<UInt>(0)
    /// What ``Session/reportFork()`` says, once.
    let forkIsReported = Atomic<Bool>(false)
    let processID = getpid()

    /// - Returns: is this the first warning with that key?
    func isNewWarning(_ key: String) -> Bool {
        warnings.withLock { $0.count < Self.mostWarnings && $0.insert(key).inserted }
    }

    /// The session is as before; its last error stays readable.
    func reset() {
        held = nil
        warnings.withLock { $0.removeAll() }
    }
}
