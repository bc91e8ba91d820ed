import CReplay
import Glibc
import ReplayLog
import ReplaySystem
import Synchronization

/// Notices that a machine makes no progress, from a thread of its own, in every mode.
///
/// It samples what the session's threads store in ``Session/watch``. Work in progress isn't a stall: a
/// thread that runs, or waits for a processor or a disk; a callback of the host; a read of the log; a
/// pending request. A thread that asks again and again for what isn't next doesn't work.
final class Watchdog: @unchecked Sendable {
    // Sendable: atomics; other state is used only by the watchdog's thread; the session is used by its own rules.

    unowned let session: Session
    let limit: Int64
    /// Work that never ends is reported after this multiple of the limit.
    static let patience: Int64 = 30
    private let isPlaying: Bool
    private let reader: LogReader?
    private let waitingVCPUs = Atomic<Int>(0)
    private let callbacks = Atomic<Int>(0)
    /// The state of its thread, see ``ask(_:)``.
    private let place = Atomic<Int>(Place.own)
    /// replay_run(): calls of `execute` that haven't returned.
    private let slices = Atomic<Int>(0)
    private let isOver = Atomic<Bool>(false)
    /// How long nothing has happened, for the thread that reports it.
    private let reportedTime = Atomic<Int64>(0)
    var quietTime: Int64 { reportedTime.load(ordering: .relaxed) }
    /// The number of samples since the owner of the lock was asked to report.
    private var wants = 0
    /// The thread sleeps on it; a change of its count stops the thread.
    private let stopSignal: UnsafeMutablePointer<replay_change_t>
    private var thread: LibraryThread?
    /// A child of fork() has the object but not the thread.
    private var process: Int32 = 0

    init(_ session: Session, milliseconds: UInt32) {
        self.session = session
        limit = Int64(milliseconds) * 1_000_000
        isPlaying = session.isPlaying
        reader = session.player?.reader
        stopSignal = .allocate(capacity: 1)
        stopSignal.initialize(to: replay_change_t())
    }

    deinit { stopSignal.deallocate() }

    // MARK: What the session reports

    func noteEnd() { isOver.store(true, ordering: .relaxed) }

    func beginWait(_ roles: ThreadRoles) {
        if roles.overlaps(.vcpu) { waitingVCPUs.add(1, ordering: .relaxed) }
    }

    func endWait(_ roles: ThreadRoles) {
        if roles.overlaps(.vcpu) { waitingVCPUs.subtract(1, ordering: .relaxed) }
    }

    func beginCallback() { callbacks.add(1, ordering: .relaxed) }
    func endCallback() { callbacks.subtract(1, ordering: .relaxed) }

    func beginSlice() { slices.add(1, ordering: .relaxed) }
    func endSlice() { slices.subtract(1, ordering: .relaxed) }

    // MARK: The thread

    /// - Returns: false if no thread can be started.
    func start() -> Bool {
        process = replay_process_number()
        thread = try? LibraryThread.start { self.run() }.get()
        return thread != nil
    }

    private enum Place {
        static let own = 0
        static let inHost = 1
        /// Makes sure that it doesn't call the host any more.
        static let stopped = 2
        /// It was in a callback when the session ended, and keeps the session until the callback returns.
        static let left = 3
    }
    /// How long a callback may take when the session ends: the ending thread may hold what it waits for.
    private static let graceMilliseconds = 1000

    /// - Parameter isLast: the session is being freed, and can't be kept.
    func stop(isLast: Bool = false) {
        guard let thread else { return }
        self.thread = nil
        guard process == replay_process_number() else { return }
        replay_change_note(stopSignal)
        var rounds = 0
        while !isLast, !move(Place.own, Place.stopped) {
            if rounds >= Self.graceMilliseconds {
                let kept = Unmanaged.passRetained(session)
                if move(Place.inHost, Place.left) { return thread.detach() }
                kept.release()
            }
            rounds += 1
            usleep(1000)
        }
        thread.join()
    }

    private func move(_ from: Int, _ to: Int) -> Bool {
        place.compareExchange(expected: from, desired: to, ordering: .acquiringAndReleasing).exchanged
    }

    /// Calls the host on the watchdog's thread. nil: the session has ended, and the watch with it.
    func ask<Result>(_ work: () -> Result) -> Result? {
        guard move(Place.own, Place.inHost) else { return nil }
        let result = work()
        return move(Place.inHost, Place.own) ? result : nil
    }

    /// Makes the session current for the host's callbacks here too.
    private func run() {
        session.asCurrent { watch() }
        if place.load(ordering: .acquiring) == Place.left { Unmanaged.passUnretained(session).release() }
    }

    private func watch() {
        let step = max(limit / (isPlaying ? 10 : 4), 1_000_000)
        var (live, starvation) = (LiveWatch(self), Starvation())
        var (seen, last) = (sample(), replay_monotonic_ns())
        var (stood, quiet): (Int64, Int64) = (0, 0)
        while !replay_change_wait(stopSignal, 0, step) {
            if isOver.load(ordering: .relaxed) { return }
            let now = sample()
            // A process that was stopped by a signal isn't a stall.
            let time = replay_monotonic_ns()
            let elapsed = min(time &- last, 2 &* step)
            last = time
            // Whether it would have asked, executed or gone on, nobody knows: the next sample counts.
            if starvation.look(at: session.threads) { continue }
            defer { seen = now }
            guard isPlaying else {
                live.look(at: now, after: seen, elapsed)
                continue
            }
            var runs = false
            if now.progress == seen.progress {
                guard let answer = ask({ session.isMachineOn }) else { return }
                runs = answer
            }
            guard runs, !executes(now, after: seen) else {
                (stood, quiet, wants) = (0, 0, 0)
                if now.watch.is_wanted != 0 { replay_watch_want(session.watch, false) }
                continue
            }
            if seen.callbacks > 0, now.callbacks == 0 { stood = 0 }
            stood &+= elapsed
            if !works(now, after: seen) { quiet &+= elapsed }
            let isPatient = stood < limit &* Self.patience
            guard !isPatient || quiet >= limit &* allowance(now, after: seen) else { continue }
            let (holdsOn, asks) = (now.isHeldOn(after: seen), now.askedAtAll(after: seen))
            if report(stood, now, holdsOn: holdsOn, isAsking: asks, isPatient: isPatient) { return }
            if wants == 0 { quiet = 0 }
        }
    }

    // MARK: Samples

    /// What was seen at one moment.
    struct Sample {
        var watch: replay_watch_t
        /// PLAY: grows with each event and instruction.
        var progress: UInt64
        /// PLAY: the vCPU has reached the next event.
        var isDue: Bool
        var callbacks: Int
        /// The replay lock's current turn, its owner, and the number of threads that hold it or wait.
        var turn: UInt32
        var owner: UInt
        var users: UInt32

        var isWanted: Bool { users > 1 }

        /// Has one thread held the lock since the last sample?
        func isHeldOn(after seen: Sample) -> Bool {
            users > 0 && seen.users > 0 && turn == seen.turn && owner != 0 && owner == seen.owner
        }

        /// Did threads with exactly these roles ask in vain since the last sample?
        func asked(_ roles: ThreadRoles, after seen: Sample) -> Bool {
            switch roles {
            case .vcpu: watch.asks.1 != seen.watch.asks.1
            case .io: watch.asks.2 != seen.watch.asks.2
            case .either: watch.asks.3 != seen.watch.asks.3
            default: watch.asks.0 != seen.watch.asks.0
            }
        }

        func askedAtAll(after seen: Sample) -> Bool {
            asked(.vcpu, after: seen) || asked(.io, after: seen) || asked(.either, after: seen)
        }
    }

    private func sample() -> Sample {
        let lock = session.lock
        return Sample(
            watch: replay_watch_sample(session.watch), progress: session.icountSeen &+ session.eventsSeen,
            isDue: session.isNextReached, callbacks: callbacks.load(ordering: .relaxed),
            turn: replay_fair_lock_turn(lock), owner: UInt(bitPattern: replay_fair_lock_owner(lock)),
            users: replay_fair_lock_users(lock))
    }

    // MARK: PLAY

    /// Does a vCPU execute towards an event that isn't due yet? That may take any time.
    private func executes(_ now: Sample, after seen: Sample) -> Bool {
        guard !now.isDue, now.isHeldOn(after: seen) else { return false }
        let roles = session.threads.roles(ofOwner: now.owner)
        return roles.overlaps(.vcpu) && !now.asked(roles, after: seen)
            && session.threads.works(owner: now.owner)
    }

    private func works(_ now: Sample, after seen: Sample) -> Bool {
        if now.callbacks > 0 || reader?.isLoading.load(ordering: .relaxed) == true { return true }
        // Execute may do something slow, but a guest in it may also ask for what isn't next.
        if slices.load(ordering: .relaxed) > 0, !now.asked(.vcpu, after: seen),
            !now.asked(.either, after: seen)
        {
            return true
        }
        // A thread that has the lock to itself, and doesn't ask, is busy with the guest.
        if now.isHeldOn(after: seen), !now.isWanted, !now.askedAtAll(after: seen) { return true }
        return session.threads.work { !now.asked($0, after: seen) }
    }

    /// The multiple of the limit after which the replay is stalled.
    private func allowance(_ now: Sample, after seen: Sample) -> Int64 {
        // It sleeps with the lock that a different thread needs: a slow device, or a poll.
        if now.isHeldOn(after: seen), !now.askedAtAll(after: seen) { return 3 }
        if now.isDue || waitingVCPUs.load(ordering: .relaxed) > 0 { return 1 }
        guard replay_fair_lock_try(session.lock) else { return 3 }
        defer { replay_fair_lock_give(session.lock) }
        return ask { session.host.cpusIdle } == true ? 1 : 3
    }

    /// - Parameter isPatient: a pending request is a reason to go on waiting.
    /// - Returns: false if there is one.
    private func report(
        _ stood: Int64, _ now: Sample, holdsOn: Bool, isAsking: Bool, isPatient: Bool
    ) -> Bool {
        let error: ReplayError?
        if tryLock(holdsOn ? 1 : 100) {
            defer { replay_fair_lock_give(session.lock) }
            if session.mayStandStill(isPatient: isPatient) { return false }
            error = ask { session.stall(stood, lastAsked: now.watch.last_asked) } ?? nil
        } else if !now.isWanted, wants < 5, isAsking {
            wants += 1
            reportedTime.store(stood, ordering: .relaxed)
            replay_watch_want(session.watch, true)
            return false
        } else {
            error = session.stall(
                stood, holder: session.threads.roles(ofOwner: now.owner), isWanted: now.isWanted)
        }
        if let error { tell(error) }
        return true
    }

    /// Like ``Session/tell(_:_:)``, unless the session has ended.
    private func tell(_ error: ReplayError) {
        _ = ask { session.host.message(.error, error.message) }
        _ = ask { session.stopMachine(.divergence, error) }
        _ = ask { session.wakeVCPU() }
        _ = ask { session.wakeIO() }
    }

    /// If a thread asks again and again, the lock is free only for moments.
    private func tryLock(_ rounds: Int) -> Bool {
        for round in 0..<rounds {
            for _ in 0..<100 where replay_fair_lock_try(session.lock) { return true }
            if round + 1 < rounds { _ = replay_change_wait(stopSignal, 0, 1_000_000) }
        }
        return false
    }
}
