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
    private var hasNoIOTurn: Int64 = 0
    private var hasNoVCPUTurn: Int64 = 0

    init(_ watchdog: Watchdog) {
        self.watchdog = watchdog
        limit = watchdog.limit
    }

    mutating func look(at now: Watchdog.Sample, after seen: Watchdog.Sample, _ elapsed: Int64) {
        if session.hasFailed { return }
        lookAtCallback(now, seen, elapsed)
        lookAtLock(now, seen, elapsed)
        let threads = session.threads
        guard let runs = watchdog.ask({ session.host.machineRunning }) else { return }
        // Turns measure pauses, so one is needed when a pause begins or ends.
        if runs == session.isPaused { _ = watchdog.ask { session.notify() } }
        func lasting(
            _ time: Int64, _ turns: KeyPath<replay_watch_t, UInt64>, _ role: ThreadRoles
        ) -> Int64 {
            let count = now.watch[keyPath: turns]
            if count != seen.watch[keyPath: turns] || !runs || now.callbacks > 0 { return 0 }
            // A host may take turns in the other modes only.
            if count == 0, session.isIdle { return 0 }
            return threads.work { $0.overlaps(role) } ? 0 : time &+ elapsed
        }
        hasNoIOTurn = lasting(hasNoIOTurn, \.io_turns, .io)
        hasNoVCPUTurn = lasting(hasNoVCPUTurn, \.vcpu_turns, .vcpu)
        if max(hasNoIOTurn, hasNoVCPUTurn) >= limit { lookAtTurns() }
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
        let queued = session.inbox.count
        if hasNoVCPUTurn >= limit, queued > 0, session.areEventsEnabled {
            return (
                "\(queued) events have been queued for \(hasNoVCPUTurn.asSeconds), but the vCPU thread takes no turn: "
                    + "replay_host::kick must end its sleep or slice, so that it calls replay_account_warp_timer() or replay_turn()",
                "kick"
            )
        }
        guard session.host.cpusIdle else { return nil }
        if hasNoIOTurn >= limit, let end = session.withClock({ $0.warpEnd }) {
            guard session.runningTime &- limit >= end else { return nil }
            return (
                "the guest's sleep should have ended \((session.runningTime &- end).asSeconds) ago, but the I/O thread "
                    + "takes no turn: it must call replay_start_warp_timer() or replay_turn() within replay_warp_deadline_ns()",
                "warp-end"
            )
        }
        guard let deadline = session.virtualDeadline(session.host.icount) else { return nil }
        if deadline > 0, hasNoIOTurn >= limit {
            return (
                "the guest sleeps until a timer, but the I/O thread has taken no turn for \(hasNoIOTurn.asSeconds): "
                    + "replay_host::wake_io must make it call replay_start_warp_timer() or replay_turn()",
                "wake_io"
            )
        }
        if deadline == 0, hasNoVCPUTurn >= limit {
            return (
                "a virtual timer is due, but the vCPU thread has taken no turn for \(hasNoVCPUTurn.asSeconds): "
                    + "replay_host::kick must wake it, and it must call replay_account_warp_timer() or replay_turn()",
                "timer"
            )
        }
        return nil
    }
}

extension Int64 {
    /// Nanoseconds as "1.5 s".
    var asSeconds: String { "\(Double(self / 100_000_000) / 10) s" }
}
