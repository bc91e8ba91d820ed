import CReplay
import ReplayLog
import Synchronization

/// RECORD and NONE: notices that a machine makes no progress because a call is missing, and warns
/// once. It doesn't stop the machine, which may continue.
struct LiveWatch {
    private let watchdog: Watchdog
    private var session: Session { watchdog.session }
    private let limit: Int64
    /// For how long each of these has been true.
    private var isHeld: Int64 = 0
    private var isInCallback: Int64 = 0
    private var noIOTurn = Absence()
    private var noVCPUTurn = Absence()

    /// How long no thread with a role has taken a turn, and for how much of that none was at work. A
    /// thread that asks again and again when its turn is due does no work.
    private struct Absence {
        var time: Int64 = 0
        var idle: Int64 = 0

        /// Too long, even for work?
        func isLong(_ limit: Int64) -> Bool { idle >= limit || time >= limit &* Watchdog.patience }
    }

    init(_ watchdog: Watchdog) {
        self.watchdog = watchdog
        limit = watchdog.limit
    }

    mutating func look(at now: Watchdog.Sample, after seen: Watchdog.Sample, _ elapsed: Int64) {
        if session.hasFailed { return }
        lookAtCallback(now, seen, elapsed)
        lookAtLock(now, seen, elapsed)
        let threads = session.threads
        guard let runs = watchdog.ask({ session.isMachineOn }) else { return }
        // Turns measure pauses, so one is needed when a pause begins or ends.
        if runs == session.isPaused { _ = watchdog.ask { session.notify() } }
        let isIdle = session.isIdle
        func look(
            _ absence: inout Absence, _ turns: KeyPath<replay_watch_t, UInt64>, _ role: ThreadRoles
        ) {
            let count = now.watch[keyPath: turns]
            // In mode NONE a host may take turns in the other modes only.
            let isAbsent = count == seen.watch[keyPath: turns] && runs && (count > 0 || !isIdle)
            guard isAbsent, now.callbacks == 0 else {
                absence = Absence()
                return
            }
            absence.time &+= elapsed
            let works = threads.work { $0.overlaps(role) && !now.asked($0, after: seen) }
            absence.idle = works ? 0 : absence.idle &+ elapsed
        }
        look(&noIOTurn, \.io_turns, .io)
        look(&noVCPUTurn, \.vcpu_turns, .vcpu)
        if noIOTurn.isLong(limit) || noVCPUTurn.isLong(limit) { lookAtTurns() }
    }

    private mutating func lookAtCallback(_ now: Watchdog.Sample, _ seen: Watchdog.Sample, _ elapsed: Int64) {
        let goesOn =
            now.callbacks > 0 && seen.callbacks > 0 && now.watch.io_turns == seen.watch.io_turns
            && now.watch.vcpu_turns == seen.watch.vcpu_turns
        isInCallback = goesOn ? isInCallback &+ elapsed : 0
        guard isInCallback >= limit &* Watchdog.patience else { return }
        warnOnce("a callback of the host has not returned for \(isInCallback.asSeconds)", key: "callback")
    }

    private mutating func lookAtLock(_ now: Watchdog.Sample, _ seen: Watchdog.Sample, _ elapsed: Int64) {
        let sleeps =
            now.isHeldOn(after: seen) && now.isWanted && now.callbacks == 0
            && !session.threads.works(owner: now.owner)
        isHeld = sleeps ? isHeld &+ elapsed : 0
        let holder = session.threads.roles(ofOwner: now.owner)
        guard isHeld >= limit &* (holder == .io ? 1 : 3) else { return }
        warnOnce(Self.sentence(holder, isHeld), key: "lock")
    }

    /// "the I/O thread has held the replay lock for 1.0 s …"
    static func sentence(_ holder: ThreadRoles, _ time: Int64) -> String {
        "\(holder.description) has held the replay lock for \(time.asSeconds) without working, while a different thread "
            + "waits for it: it must call replay_mutex_unlock() before it polls or sleeps"
    }

    // MARK: Turns

    private func lookAtTurns() {
        // A machine that is about to end needs no turns.
        guard session.isIdle || replay_fair_lock_try(session.lock) else { return }
        let warning = watchdog.ask { session.isIdle || !session.isEndingByRequest ? missingTurn : nil } ?? nil
        if session.holdsLock { replay_fair_lock_give(session.lock) }
        if let warning { warnOnce(warning.text, key: warning.key) }
    }

    private func warnOnce(_ text: String, key: String) {
        _ = watchdog.ask { session.warnOnce(text, key: key) }
    }

    private var missingTurn: (text: String, key: String)? {
        let queued = session.queue.inbox.count
        if noVCPUTurn.isLong(limit), queued > 0, session.areEventsEnabled {
            return (
                "\(queued) events have been queued for \(noVCPUTurn.time.asSeconds), but the vCPU thread takes no turn: "
                    + "replay_host::kick must end its sleep or slice, so that it calls replay_account_warp_timer() or replay_turn()",
                "kick"
            )
        }
        guard session.host.cpusIdle else { return nil }
        if noIOTurn.isLong(limit), let end = session.withClock({ $0.warpEnd }) {
            guard session.runningTime &- limit >= end else { return nil }
            return (
                "the guest's sleep should have ended \((session.runningTime &- end).asSeconds) ago, but the I/O thread "
                    + "takes no turn: it must call replay_start_warp_timer() or replay_turn() within replay_warp_deadline_ns()",
                "warp-end"
            )
        }
        guard let deadline = session.virtualDeadline(session.host.icount) else { return nil }
        if deadline > 0, noIOTurn.isLong(limit) {
            return (
                "the guest sleeps until a timer, but the I/O thread has taken no turn for \(noIOTurn.time.asSeconds): "
                    + "replay_host::wake_io must make it call replay_start_warp_timer() or replay_turn()",
                "wake_io"
            )
        }
        if deadline == 0, noVCPUTurn.isLong(limit) {
            return (
                "a virtual timer is due, but the vCPU thread has taken no turn for \(noVCPUTurn.time.asSeconds): "
                    + "replay_host::kick must wake it, and it must call replay_account_warp_timer() or replay_turn()",
                "timer"
            )
        }
        return nil
    }
}

extension Session {
    /// Real ns that a busy machine may need for the way to a turn.
    private static let longestWayToTurn: Int64 = 20_000_000

    /// The guest's sleep ends in a turn of the I/O thread that comes late, and the thread hasn't asked
    /// when it must come.
    func lintLateTurn(_ end: Int64) {
        let late = runningTime &- end
        guard late > Self.longestWayToTurn, !replay_watch_knows_end(watch) else { return }
        lint(
            "the guest's sleep ends \(late / 1_000_000) ms late: the I/O thread's poll must not sleep longer than "
                + "replay_warp_deadline_ns()",
            key: "late turn")
    }

    /// replay_run(): the guest is awake and has a budget, but executes nothing.
    func lintEmptySlices() {
        guard !host.cpusIdle, isMachineOn else { return }
        lint(
            "replay_host::execute repeatedly executes nothing, although the guest is awake: it must "
                + "execute, or replay_host::cpus_idle must return true",
            key: "empty slices")
    }
}

extension Int64 {
    /// Nanoseconds as "1.5 s".
    var asSeconds: String { "\(Double(self / 100_000_000) / 10) s" }
}
