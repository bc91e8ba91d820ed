import ReplayLog
import Synchronization

/// Queries of a session.
extension Session {
    /// Any thread may ask; without the lock it gets the values of the last accounting.
    package var info: RunInfo {
        let face = self.face.withLock { $0 }
        var info = face.info
        info.mode = mode
        // The host is asked only with the lock held.
        let counted = icountSeen
        let icount = isLocked ? host.icount : counted
        let clock = holdsLock && !isIdle ? state.clock : shownClock
        info.icount = isPlaying ? counted : max(icount, counted)
        info.events = eventsSeen
        info.queued = UInt64(queue.count)
        info.snapshots = shared.snapshots.load(ordering: .relaxed)
        info.virtualNs = isConfigured ? clock.now(icount) : 0
        (info.warpedNs, info.shift) = (clock.warped, Int32(clock.shift))
        if let writer = face.writer {
            info.eventBytes = writer.bytesShown
            info.logStalls = writer.stalls
        }
        if let player = face.player { info.isAtEnd = player.endIsReported }
        info.firstIcount = shared.firstIcount.load(ordering: .relaxed)
        if isPlaying { info.breakIcount = shared.breakIcount.load(ordering: .relaxed) }
        return info
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
