import CReplay
import Synchronization

/// The user's pauses: virtual time stands still in them, asleep or not.
extension Session {
    /// Real time without the time in which the machine was paused: what sleep and shift=auto go by.
    var runningTime: Int64 {
        let now = realTime
        return withPauses { $0.running(now) }
    }

    /// Was the machine paused at the last turn?
    var isPaused: Bool { shared.isPaused.load(ordering: .relaxed) }

    /// A turn asks the host; a pause lasts from one turn to another.
    var machineRuns: Bool {
        let runs = host.machineRunning
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

    /// While the machine is paused, the host is asked so often, in real ns, whether it still is: who
    /// ends the pause may not call replay_notify().
    static let pauseInterval: Int64 = 100_000_000
}
