import CReplay
import ReplayLog

/// Where a flush of the queue stands among those at the same icount.
///
/// A host may flush several times at one icount, with guest work between. The log tells such places apart
/// by their number: flushes since the icount changed, or since another event at this icount, for which
/// the vCPU thread waits. What a replay can't repeat isn't counted: flushes of a guest that sleeps,
/// because its threads wake as they happen to, and it does nothing between. A shutdown begins no new
/// count, because the vCPU thread doesn't wait for it.
struct FlushPlace {
    /// 0: the only flush that it can be.
    var number: UInt64 = 0
    var icount: UInt64 = .max
    /// Ordering events before it.
    var events: UInt64 = 0
    /// Did the guest sleep through it?
    var isIdle = false
}

/// What the host called that flushes.
enum FlushCall: Int64 {
    /// The vCPU thread's turn.
    case turn = 0
    /// replay_async_events().
    case direct = 1
    /// replay_finish(). A replay doesn't know beforehand that the run ends here.
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
    private var orderingEvents: UInt64 { state.events &- state.unorderedEvents }

    /// A flush begins, and has its place.
    func beginFlush() {
        let isIdle = host.cpusIdle
        if flushPlace.icount != state.icount || flushPlace.events != orderingEvents {
            flushPlace.number = 0
        } else if !(isIdle && flushPlace.isIdle) {
            flushPlace.number &+= 1
        }
        flushPlace.icount = state.icount
        flushPlace.events = orderingEvents
        flushPlace.isIdle = isIdle
    }

    /// A flush ends: what follows at this icount is another place.
    func endFlush() {
        guard flushPlace.events != orderingEvents || flushPlace.icount != state.icount else { return }
        flushPlace.number = 0
        flushPlace.icount = state.icount
        flushPlace.events = orderingEvents
        flushPlace.isIdle = host.cpusIdle
    }

    /// RECORD: writes the place of the events that follow, if it isn't the only one.
    func writeFlushPlace(_ call: FlushCall) {
        guard isRecording, flushPlace.number > 0 else { return }
        _ = write(.flush, .vcpu, Int64(bitPattern: flushPlace.number), call.rawValue)
    }

    /// PLAY: FLUSH is next: is this the flush that it names? One that was passed is a divergence.
    func reaches(_ event: Event, _ call: FlushCall) -> Bool {
        if flushPlace.isIdle || call == .finish { return true }
        let number = UInt64(bitPattern: event.a)
        let recorded = FlushCall(rawValue: event.b) ?? .direct
        if flushPlace.number < number {
            noteOwnNews()
            return false
        }
        if recorded == .finish || flushPlace.number == number && call == recorded { return true }
        diverge(
            "\(call.description), number \(flushPlace.number &+ 1) there",
            expected: "\(recorded.description), number \(number &+ 1) at icount \(event.icount)")
        return false
    }

    // MARK: Completions that are late

    /// PLAY: a completion is next and has not arrived. Within a slice guest work follows, so a file's
    /// worker, which needs nothing of this thread, is waited for.
    ///
    /// - Returns: true if something has arrived.
    func waitForWorker(_ event: Event, _ call: FlushCall) -> Bool {
        guard call == .direct, isInSlice, !flushPlace.isIdle else { return false }
        missedCompletion = event.index
        let id = UInt64(bitPattern: event.a)
        guard event.knownKind?.rule.isRequest == true else { return false }
        return inHost {
            while !hasFailed {
                let seen = replay_change_count(change)
                // In this order: a completion is queued before its request leaves the file.
                let isAtFile = devices.isAtFile(id)
                if inbox.count > 0 { return true }
                guard isAtFile else { return false }
                _ = replay_change_wait(change, seen, 10_000_000)
            }
            return false
        }
    }

    /// PLAY: a completion has arrived, but the flush within the slice at which the recording has it is over.
    func isMissed(_ event: Event, _ call: FlushCall) -> Bool {
        guard missedCompletion == event.index, call == .turn || !isInSlice, !flushPlace.isIdle else {
            return false
        }
        diverge("its completion after the slice in which the recording flushes it")
        return true
    }
}
