import CReplay
import ReplayLog
import Synchronization

/// The key of a bottom half or completion, by which it is found when it is next in the log.
enum ArrivalKey: Hashable {
    case bottomHalf(UInt64)
    case block(UInt64)
}

extension QueuedEvent {
    var request: BlockRequest? { if case .request(let request) = self { request } else { nil } }

    var arrivalKey: ArrivalKey? {
        switch self {
        case .bottomHalf(_, _, let id, _): id.map { .bottomHalf($0) }
        case .block(_, _, let id): .block(id)
        case .blockResult(let completion): .block(completion.id)
        case .request(let request): .block(request.id)
        case .input, .inputSync, .charRead, .net: nil
        }
    }
}

extension Event {
    /// The arrival that it waits for, if it needs one.
    var arrivalKey: ArrivalKey? {
        switch knownKind?.rule.arrival {
        case .bottomHalf: .bottomHalf(bottomHalf)
        case .request: .block(request)
        case nil: nil
        }
    }
}

/// The queue of asynchronous events and its flush.
extension Session {
    // MARK: Switch

    package func enableEvents() -> Status {
        if let refusal = refusalWithoutRole("replay_enable_events") { return refusal }
        if !isIdle { shared.eventsEnabled.store(true, ordering: .relaxed) }
        return .ok
    }

    package func disableEvents() -> Status {
        if let refusal = refusalWithoutRole("replay_disable_events") { return refusal }
        shared.eventsEnabled.store(false, ordering: .relaxed)
        return .ok
    }

    package var areEventsEnabled: Bool { shared.eventsEnabled.load(ordering: .relaxed) && !isIdle }

    /// Is work that begins now unrecorded? Requests before the start are recorded, because their completions wait for it.
    var isUnwrittenNow: Bool { !isIdle && isStarted && !areEventsEnabled }

    // MARK: Posting

    /// From any thread. - Returns: OK, or NO_MEMORY: then the event isn't queued.
    func post(_ event: QueuedEvent) -> Status {
        if let forkRefusal { return forkRefusal }
        if isPlaying, event.isExternal { return .ok }
        // Before the start nothing from outside may reach the guest unrecorded.
        let isEarly = !isIdle && !isStarted
        let waits = isEarly || event.isBottomHalf && !isIdle
        guard areEventsEnabled || waits || shared.isEnding.load(ordering: .acquiring) else {
            if isRecording, event.isExternal {
                lint("input from outside is not recorded while events are disabled")
            }
            run(event)
            wakeVCPU()  // it may be waiting for this
            return .ok
        }
        if case .request(let request) = event, let node = request.takeQueueNode() {
            queue.inbox.put(event, in: node)
        } else if !queue.inbox.put(event) {
            return misuse(.noMemory, "memory ran out for an event of the queue")
        }
        wakeVCPU()
        return .ok
    }

    package func scheduleBottomHalf(
        _ callback: @escaping Callback, _ opaque: UnsafeMutableRawPointer?, oneshot: Bool
    )
        -> Status
    {
        if let refusal = refusal(
            .either, oneshot ? "replay_bh_schedule_oneshot_event" : "replay_bh_schedule_event")
        {
            return refusal
        }
        lintOutsideOfCheckpoint("a bottom half")
        var id: UInt64?
        if areEventsEnabled {
            id = state.nextBottomHalf
            state.nextBottomHalf &+= 1
        }
        let status = post(.bottomHalf(callback, opaque, id: id, oneshot: oneshot))
        return status == .noMemory ? memoryRanOut(for: "a bottom half") : status
    }

    func drawRequestID() -> UInt64 {
        func draw() -> UInt64 {
            if isUnwrittenNow {
                defer { state.unwrittenBlockRequests &+= 1 }
                return RequestID.unwritten | state.unwrittenBlockRequests
            }
            defer { state.nextBlockRequest &+= 1 }
            return state.nextBlockRequest
        }
        return isIdle ? clockLock.withLock { _ in draw() } : draw()
    }

    // MARK: Flush

    package func flush() -> Status {
        if let refusal = refusal(.vcpu, "replay_async_events") { return refusal }
        if course.isFlushing {
            return misuse(.reentered, "replay_async_events was called from within an event's callback")
        }
        hotRecorder?._withUnsafeGuaranteedRef { $0.noteVCPUTurn() }
        replay_watch_count(&watch.pointee.vcpu_turns)
        if isPlaying { noteTurnForWatch() }
        takeDigestAtFlush()
        flushQueue(.direct)
        return hasFailed ? failure : .ok
    }

    /// The caller has made sure that no other flush is in progress.
    func flushQueue(_ call: FlushCall) {
        course.isFlushing = true
        defer { course.isFlushing = false }
        for event in queue.inbox.takeUnwritten() { run(event) }
        withPinnedPlayer { playQueue($0, call) } ?? recordQueue(call)
    }

    /// PLAY, in the vCPU's turn: runs unrecorded events, which don't wait for the log.
    func runUnwritten() {
        guard !course.isFlushing, queue.inbox.count > 0 else { return }
        course.isFlushing = true
        defer { course.isFlushing = false }
        for event in queue.inbox.takeUnwritten() { run(event) }
    }

    package func runAllUnwritten() -> Status {
        if let refusal = refusalWithoutRole("replay_flush_events") { return refusal }
        if course.isFlushing {
            return misuse(.reentered, "replay_flush_events was called from within an event's callback")
        }
        course.isFlushing = true
        defer { course.isFlushing = false }
        runQueue()
        return .ok
    }

    /// Events may queue events: how often the queue is run at most to make it empty.
    static let mostRounds = 1000

    /// Runs the queued events, and those that they queue.
    func runQueue() {
        for _ in 0..<Self.mostRounds {
            let waiting = queue.arrived.values.sorted { $0.order < $1.order }
            queue.arrived.removeAll()
            let events = queue.inbox.takeAll()
            if waiting.isEmpty, events.count == 0 { return }
            for event in waiting { run(event) }
            for event in events { run(event) }
        }
    }

    // MARK: Run

    /// Delivers an event to the guest.
    func run(_ event: QueuedEvent) { calling { reachGuest(event) } }

    private func reachGuest(_ event: QueuedEvent) {
        switch event {
        case .bottomHalf(let callback, let opaque, _, _): callback(opaque)
        case .input(let input):
            if !host.takesInput, !isIdle {
                warnOnce("an input event is lost: the host's table has no input callback")
            }
            host.input(input)
        case .inputSync: host.inputSync()
        case .charRead(let device, let data): devices.receive(device, data)
        case .block(let callback, let opaque, _): callback(opaque)
        case .blockResult(let completion): completion.reachGuest()
        case .request(let request): request.reachGuest()
        case .net(let filter, let flags, let data): filter.receive(flags, data)
        }
    }
}

extension QueuedEvent {
    /// Orders the remaining events independently of hashing.
    var order: (UInt64, UInt64) {
        switch self {
        case .bottomHalf(_, _, let id, _): (0, id ?? 0)
        case .block(_, _, let id): (1, id)
        case .blockResult(let completion): (1, completion.id)
        case .request(let request): (1, request.id)
        case .input, .inputSync, .charRead, .net: (2, 0)
        }
    }
}
