import CReplay
import ReplayLog
import Synchronization

/// PLAY: notices that a replay makes no progress, from a thread of its own.
///
/// Progress is an event consumed, or instructions accounted. While the vCPU
/// executes towards the next event it may take its time; once the event is due,
/// or the vCPU waits, somebody must act within the limit.
final class Watchdog: @unchecked Sendable {
    // Sendable: atomics; the session is asked under its own rules.

    private unowned let session: Session
    private let limit: Int64
    private let progress = Atomic<UInt64>(0)
    private let isDue = Atomic<Bool>(true)
    private let waitingVCPUs = Atomic<Int>(0)
    private let callbacks = Atomic<Int>(0)
    /// So many limits a callback of the host's has, or a disk at work.
    private static let patience: Int64 = 30
    private let isOver = Atomic<Bool>(false)
    private let lastAsked = Locked<String>("")
    /// Counts to stop; the thread sleeps on it.
    private let stopSignal: UnsafeMutablePointer<replay_change_t>
    private var thread: LibraryThread?

    init(_ session: Session, milliseconds: UInt32) {
        self.session = session
        limit = Int64(milliseconds) * 1_000_000
        stopSignal = .allocate(capacity: 1)
        stopSignal.initialize(to: replay_change_t())
    }

    deinit { stopSignal.deallocate() }

    // MARK: What the session tells

    @inline(__always)
    func noteProgress(isDue due: Bool) {
        progress.store(progress.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        isDue.store(due, ordering: .relaxed)
    }

    func noteEnd() { isOver.store(true, ordering: .relaxed) }
    func noteAsked(_ what: String) { lastAsked.withLock { $0 = what } }

    func beginWait(_ roles: ThreadRoles) {
        if roles.overlaps(.vcpu) { waitingVCPUs.add(1, ordering: .relaxed) }
    }

    func endWait(_ roles: ThreadRoles) {
        if roles.overlaps(.vcpu) { waitingVCPUs.subtract(1, ordering: .relaxed) }
    }

    /// A callback of the host's may take long; one that never ends is told late.
    func beginCallback() { callbacks.add(1, ordering: .relaxed) }
    func endCallback() { callbacks.subtract(1, ordering: .relaxed) }

    // MARK: The thread

    /// - Returns: false if there is no thread for it.
    func start() -> Bool {
        thread = LibraryThread.start { self.run() }.thread
        return thread != nil
    }

    func stop() {
        guard let thread else { return }
        self.thread = nil
        replay_change_note(stopSignal)
        thread.join()
    }

    /// The host's callbacks find their session current here too.
    private func run() { session.asCurrent { watch() } }

    private func watch() {
        var seen = progress.load(ordering: .relaxed)
        var stood: Int64 = 0
        var last = replay_monotonic_ns()
        var wasInCallback = false
        let step = max(limit / 10, 1_000_000)
        while !replay_change_wait(stopSignal, 0, step) {
            if isOver.load(ordering: .relaxed) { return }
            let now = progress.load(ordering: .relaxed)
            let isInCallback = callbacks.load(ordering: .relaxed) > 0
            defer { wasInCallback = isInCallback }
            // A process that was stopped did not stand still by itself.
            let time = replay_monotonic_ns()
            stood &+= min(time &- last, 2 &* step)
            last = time
            guard now == seen, let limits = allowance, isInCallback || !wasInCallback else {
                seen = now
                stood = 0
                continue
            }
            if stood >= limit &* limits, report(stood, isPatient: stood < limit &* Self.patience) { return }
        }
    }

    /// How many limits the replay may stand still; nil: it executes towards an
    /// event that is not due yet.
    private var allowance: Int64? {
        if callbacks.load(ordering: .relaxed) > 0 { return Self.patience }
        if isDue.load(ordering: .relaxed) || waitingVCPUs.load(ordering: .relaxed) > 0 { return 1 }
        // A vCPU thread holds the lock while it executes.
        guard replay_fair_lock_try(session.lock) else { return nil }
        defer { replay_fair_lock_give(session.lock) }
        return session.host.cpusIdle ? 1 : 3
    }

    /// - Parameter isPatient: a disk at work is a good reason to wait on.
    /// - Returns: false if there is one.
    private func report(_ stood: Int64, isPatient: Bool) -> Bool {
        // Whoever holds the lock for so long is part of what is wrong; the
        // words are then taken from a state that nobody changes.
        var locked = replay_fair_lock_try(session.lock)
        for _ in 0..<20 where !locked {
            _ = replay_change_wait(stopSignal, 0, 1_000_000)
            locked = replay_fair_lock_try(session.lock)
        }
        let mayWait = locked && session.mayStandStill(isPatient: isPatient)
        let seconds = Double(stood / 100_000_000) / 10
        let error = mayWait ? nil : session.stall(seconds, lastAsked.withLock { $0 })
        if locked { replay_fair_lock_give(session.lock) }
        if mayWait { return false }
        if let error { session.tell(error, REPLAY_STOP_DIVERGENCE) }
        return true
    }
}

extension Session {
    /// Calls the host for work that may take its time: that is no stall.
    func inHost<Result>(_ work: () -> Result) -> Result {
        guard let watchdog else { return work() }
        watchdog.beginCallback()
        defer { watchdog.endCallback() }
        return work()
    }

    /// Is the machine paused, or a disk at work on what comes next?
    func mayStandStill(isPatient: Bool) -> Bool {
        guard isPlaying, let player, !hasFailed else { return false }
        guard host.machineRunning else { return true }
        guard isPatient, player.ending == nil, let kind = player.next.knownKind else { return false }
        switch kind {
        case .block, .blockRead, .blockData: return isAtWork(UInt64(bitPattern: player.next.a))
        default: return false
        }
    }

    /// PLAY: nothing has happened for too long. nil: the replay had failed before.
    func stall(_ seconds: Double, _ asked: String) -> ReplayError? {
        guard let player, !hasFailed else { return nil }
        let expected = player.nextDescription
        var found = asked.isEmpty ? "no call for it" : "\(asked) last"
        if player.nextIcount > state.icount {
            let ahead = player.nextIcount &- state.icount
            found = "the vCPU \(host.cpusIdle ? "asleep" : "at rest") \(ahead) instructions before it"
        }
        let queued = arrivedCount.load(ordering: .relaxed) + inbox.count
        if queued > 0 { found += ", with \(queued) events queued" }
        var error = ReplayError(
            .stalled,
            "the replay has made no progress for \(seconds) s at icount \(state.icount): expected \(expected), found \(found)",
            expected: expected, found: found)
        error.icount = state.icount
        error.eventIndex = player.nextIndex
        error.history = player.history
        hasFailed = true
        return errors.stick(error) ? error : nil
    }
}
