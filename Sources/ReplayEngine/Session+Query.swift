import CReplay
import ReplayLog
import Synchronization

/// What there is to know of a session.
extension Session {
    package var info: replay_info_t {
        var info = replay_info_t()
        info.mode = mode
        // The host is asked, and the clock is exact, under the lock only.
        let icount = isLocked ? host.icount : state.icount
        let clock = isIdle ? clockLock.withLock { _ in time.clock } : time.clock
        info.icount = isPlaying ? state.icount : max(icount, state.icount)
        info.events = state.events
        info.queued = UInt64(inbox.count + arrivedCount.load(ordering: .relaxed))
        info.block_data = isIdle || !options.blockData ? 0 : 1
        info.virtual_ns = isConfigured ? clock.now(icount) : 0
        (info.warped_ns, info.shift) = (clock.warped, Int32(clock.shift))
        if let writer {
            info.event_bytes = writer.bytesWritten
            info.log_stalls = writer.stalls
            info.log_version = LogMetadata().formatVersion
        }
        if let player {
            info.log_version = player.reader.metadata.formatVersion
            info.at_end = player.endWasTold ? 1 : 0
            if case .finished(let end) = player.reader.state {
                info.total_events = end.eventCount
                info.total_icount = end.icount
                info.end_cause = Int32(bitPattern: end.cause)
                info.end_exit_code = end.exitCode
                info.log_finished = 1
            }
        }
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

    /// Wakes who waits, and makes the I/O thread take a turn.
    package func notify() {
        askedForWarp.store(true, ordering: .relaxed)
        wakeIO()
    }

    package func finishIfNeeded() {
        if isConfigured { _ = finish() }
    }
}
