import CReplay
import Synchronization

/// The user's pauses, during which virtual time stops, whether the guest sleeps or not.
extension Session {
    /// Real time minus the pauses; sleep and shift=auto use it.
    var runningTime: Int64 {
        let now = realTime
        return withPauses { $0.running(now) }
    }

    /// Was the machine paused at the last turn?
    var isPaused: Bool { shared.isPaused.load(ordering: .relaxed) }

    /// Asks the host, in a turn; so a pause lasts from one turn to another.
    var machineRuns: Bool {
        let runs = isMachineOn
        if runs == isPaused { notePause(!runs) }
        return runs
    }

    @inline(never)
    private func notePause(_ isPaused: Bool) {
        let now = realTime
        withPauses { if isPaused { $0.begin(now) } else { $0.end(now) } }
        shared.isPaused.store(isPaused, ordering: .relaxed)
    }

    private func withPauses<Result>(_ body: (inout PauseCount) -> Result) -> Result {
        isIdle ? clockLock.withLock { _ in body(&state.pauses) } : body(&state.pauses)
    }

    /// How often, in real ns, the host is asked whether the machine is still paused, because it may not call
    /// replay_notify() at the end of a pause.
    static let pauseInterval = Int64(REPLAY_PAUSE_LOOK_NS)
}
