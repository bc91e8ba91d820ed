import CReplay
import Glibc
import ReplayLog
import ReplaySystem
import Synchronization

/// Forks of the process, and threads that end: cases in which a session loses threads that it needs.
extension Session {
    // MARK: Fork

    /// Is this a forked child of the process that records or replays? It doesn't have the session's threads,
    /// and must not use its files.
    @inline(__always) var isForked: Bool { lock.pointee.forked != 0 }

    /// For calls that need no lock. Checked first, because the session's own locks may be held by threads
    /// that exist only in the parent.
    @inline(__always)
    package var forkRefusal: Status? { isForked ? reportFork() : nil }

    /// Reports the fork once, and stops the machine.
    @inline(never)
    func reportFork() -> Status {
        if !failures.forkIsReported.exchange(true, ordering: .relaxed) {
            host.message(.error, forkError.message)
            host.stop(.logError, forkError)
        }
        return .forked
    }

    /// Does in advance what a child will do, so that the child needs nothing of the Swift runtime that a different thread
    /// was initialising during the fork.
    func prepareForFork() { host.rehearseStop(forkError) }

    var forkError: ReplayError {
        var error = ReplayError(
            .forked,
            "the session belongs to process \(failures.processID), and this process is a forked child of it: fork before replay_configure()"
        )
        error.icount = icountSeen
        error.eventIndex = eventsSeen
        return error
    }

    // MARK: Ends of threads

    /// The calling thread ends. If it holds the lock, nobody else could ever acquire it, and the guest's state is
    /// unknown, so the run ends.
    package func threadEnds() {
        guard holdsLock else { return }
        let sentence = "\(ThreadRoles.mine.description) ended while it held the replay lock"
        course.isFlushing = false
        if isIdle {
            warnOnce(sentence)
        } else {
            writer?.end(because: LogError(outside: sentence, SystemError(EOWNERDEAD)))
            fail(
                ReplayError(.threadEnded, "\(sentence), at icount \(icount)", at: self),
                isPlaying ? .divergence : .logError)
        }
        replay_fair_lock_give(lock)
        noteChange()
    }

    /// The calling thread ends without popping its sessions.
    package func threadEndsWithPush() {
        warnOnce(
            "\(ThreadRoles.mine.description) ended without replay_session_pop_current(): the session is no longer current there"
        )
        shared.pushes.subtract(1, ordering: .acquiringAndReleasing)
    }
}
