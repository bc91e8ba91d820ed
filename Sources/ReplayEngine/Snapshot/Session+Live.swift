import CReplay
import ReplayLog
import Synchronization

/// PLAY becomes NONE: at the end of the recording the machine goes on by itself.
extension Session {
    /// PLAY, at the end of the log. False: the options say that it stops there.
    func goesLive(_ reason: String) -> Bool {
        guard options.goesLive, isPlaying else { return false }
        host.message(
            .info, "the recording ends at icount \(icount) (\(reason)): the machine goes on by itself")
        watchdog?.stop()
        let real = max(state.virtualRTClock, state.clock.now(icount))
        shared.epoch.store(replay_monotonic_ns() &- real, ordering: .relaxed)
        state.pauses = PauseCount()
        publishNothingDue()
        // What has arrived before its place is delivered with the next turn.
        queue.returnArrived()
        abandonJourney()
        (travel.snapshots, travel.nextLook) = (nil, .max)
        publishSnapshotCount()
        // Nobody takes digests any more, so none may end a slice.
        state.nextDigest = .max
        options.mode = .none
        enter(.none)
        shared.eventsEnabled.store(false, ordering: .relaxed)
        showClock()
        shared.furthestIcount.store(0, ordering: .relaxed)
        updateStop()
        replay_watch_reset(watch)
        startWatchdog()
        wakeVCPU()
        wakeIO()
        return true
    }
}
