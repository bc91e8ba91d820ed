import CReplay
import ReplayLog
import Synchronization

/// Queries of a session.
extension Session {
    /// Any thread may ask; without the lock it gets the values of the last accounting.
    package var info: replay_info_t {
        let face = self.face.withLock { $0 }
        var info = face.info
        info.mode = mode.rawValue
        // The host is asked only with the lock held.
        let counted = icountSeen
        let icount = isLocked ? host.icount : counted
        let clock = holdsLock && !isIdle ? state.clock : shownClock
        info.icount = isPlaying ? counted : max(icount, counted)
        info.events = eventsSeen
        info.queued = UInt64(queue.count)
        info.virtual_ns = isConfigured ? clock.now(icount) : 0
        (info.warped_ns, info.shift) = (clock.warped, Int32(clock.shift))
        if let writer = face.writer {
            info.event_bytes = writer.bytesShown
            info.log_stalls = writer.stalls
        }
        if let player = face.player { info.at_end = player.endIsReported ? 1 : 0 }
        return info
    }

    package func initSnapshot() -> Status {
        options.snapshot.map { note(noSnapshot($0)) } ?? .ok
    }

    func noSnapshot(_ name: String) -> ReplayError {
        ReplayError(
            .notSupported,
            "the snapshot '\(name)' cannot be made or loaded: this version has no snapshots yet")
    }

    /// Wakes waiting threads, and makes the I/O thread take a turn.
    package func notify() {
        if isForked { return }
        shared.askedForWarp.store(true, ordering: .relaxed)
        wakeIO()
    }

    /// - Returns: false in a forked child, where the session can't be ended.
    package func finishIfNeeded() -> Bool {
        if isConfigured { _ = finish() }
        return !isForked
    }
}
