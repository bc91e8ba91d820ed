import CReplay
import ReplayLog

/// The place of a flush of the queue among those at the same icount.
///
/// A host may flush several times at one icount, with guest work in between. The log distinguishes such places
/// by a number: the flushes since the icount changed, or since the last event at this icount for which
/// the vCPU thread waits. Flushes while the guest sleeps aren't counted, because a replay can't repeat them:
/// nobody knows how often a sleeping vCPU wakes, and it does nothing in between. A shutdown doesn't start a new
/// count, because the vCPU thread doesn't wait for it.
struct FlushPlace {
    /// 0: the first flush, whose place needs no event.
    var number: UInt64 = 0
    var icount: UInt64 = .max
    /// The number of ordering events before it.
    var events: UInt64 = 0
    /// Did the guest sleep through it?
    var isIdle = false
}

/// The call that flushes.
enum FlushCall: Int64 {
    /// The vCPU thread's turn.
    case turn = 0
    /// replay_async_events().
    case direct = 1
    /// replay_finish(). A replay doesn't know in advance that the run ends here.
    case finish = 2

    var description: String {
        switch self {
        case .turn: "the flush of a turn"
        case .direct: "a flush by replay_async_events"
        case .finish: "the flush at the end"
        }
    }
}

extension Session {
    /// Events for which the vCPU thread waits before its next flush.
    private var orderingEvents: UInt64 { events &- state.unorderedEvents }

    /// Begins a flush, and computes its place.
    func beginFlush() {
        let isIdle = host.cpusIdle
        if state.flushPlace.icount != icount || state.flushPlace.events != orderingEvents {
            state.flushPlace.number = 0
        } else if !(isIdle && state.flushPlace.isIdle) {
            state.flushPlace.number &+= 1
        }
        state.flushPlace.icount = icount
        state.flushPlace.events = orderingEvents
        state.flushPlace.isIdle = isIdle
    }

    /// Ends a flush: what follows at this icount is a different place.
    func endFlush() {
        guard state.flushPlace.events != orderingEvents || state.flushPlace.icount != icount else { return }
        state.flushPlace.number = 0
        state.flushPlace.icount = icount
        state.flushPlace.events = orderingEvents
        state.flushPlace.isIdle = host.cpusIdle
    }

    /// RECORD: writes the place of the events that follow, unless it is the first one.
    func writeFlushPlace(_ call: FlushCall) {
        guard isRecording, state.flushPlace.number > 0 else { return }
        _ = write(.flush(number: state.flushPlace.number, call: call.rawValue))
    }

    /// PLAY: FLUSH is next. Is this the flush that it names? If that is over it is a divergence.
    func reaches(_ event: Event, _ call: FlushCall) -> Bool {
        let number = event.flushNumber
        let recorded = FlushCall(rawValue: event.flushCall) ?? .direct
        // What RECORD delivered after replay_run() waits for replay_finish() here too.
        if recorded == .finish, call != .finish, areRunnersStopped { return false }
        if state.flushPlace.isIdle || call == .finish { return true }
        if state.flushPlace.number < number {
            noteOwnNews()
            return false
        }
        if recorded == .finish || state.flushPlace.number == number && call == recorded { return true }
        diverge(
            "\(call.description), number \(state.flushPlace.number &+ 1) there",
            expected: "\(recorded.description), number \(number &+ 1) at icount \(event.icount)")
        return false
    }

    // MARK: Completions that are late

    /// PLAY: a completion is next and hasn't arrived. Within a slice guest work follows, so this waits for a file's
    /// worker, which needs nothing from this thread.
    ///
    /// - Returns: true if something has arrived.
    func waitForWorker(_ event: Event, _ call: FlushCall) -> Bool {
        guard let player, call == .direct, player.isInSlice, !state.flushPlace.isIdle else { return false }
        player.missedCompletion = event.index
        guard event.knownKind?.rule.arrival == .request else { return false }
        let id = event.request
        return inHost {
            while !hasFailed {
                let seen = replay_change_count(change)
                // In this order, because a completion is queued before its request leaves the file.
                let isAtFile = devices.isAtFile(id)
                if queue.inbox.count > 0 { return true }
                guard isAtFile else { return false }
                _ = replay_change_wait(change, seen, 10_000_000)
            }
            return false
        }
    }

    /// PLAY: a completion has arrived after the slice whose flush delivered it while recording.
    func isMissed(_ event: Event, _ call: FlushCall) -> Bool {
        guard let player, player.missedCompletion == event.index, call == .turn || !player.isInSlice,
            !state.flushPlace.isIdle
        else { return false }
        diverge("its completion only after the slice in which it was flushed while recording")
        return true
    }
}
