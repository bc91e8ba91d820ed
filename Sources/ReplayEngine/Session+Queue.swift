import CReplay
import ReplayLog
import Synchronization

/// What a bottom half or a completion is found by when the log says that it is next.
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
    /// What it waits for, if only an arrival leads to it.
    var arrivalKey: ArrivalKey? {
        guard let rule = knownKind?.rule, rule.needsArrival else { return nil }
        let id = UInt64(bitPattern: a)
        return rule.isRequest ? .block(id) : .bottomHalf(id)
    }
}

/// The queue of asynchronous events and its flush.
extension Session {
    // MARK: Switch

    package func enableEvents() -> Status {
        if let refusal = refusalWithoutRole("replay_enable_events") { return refusal }
        if !isIdle { eventsEnabled.store(true, ordering: .relaxed) }
        return .ok
    }

    package func disableEvents() -> Status {
        if let refusal = refusalWithoutRole("replay_disable_events") { return refusal }
        eventsEnabled.store(false, ordering: .relaxed)
        return .ok
    }

    package var areEventsEnabled: Bool { eventsEnabled.load(ordering: .relaxed) && !isIdle }

    /// Is what begins now in no log? Before the start requests are: their completions wait for it.
    var isUnwrittenNow: Bool { !isIdle && isStarted && !areEventsEnabled }

    // MARK: Posting

    /// From any thread. - Returns: OK, or NO_MEMORY: the event is not queued then.
    func post(_ event: QueuedEvent) -> Status {
        if let forkRefusal { return forkRefusal }
        if isPlaying, event.isExternal { return .ok }
        // Before the start nothing from outside may reach the guest unrecorded.
        let isEarly = !isIdle && !isStarted
        let waits = isEarly || event.isBottomHalf && !isIdle
        guard areEventsEnabled || waits || isEnding.load(ordering: .acquiring) else {
            if isRecording, event.isExternal {
                lint("input from outside is not recorded while events are disabled")
            }
            run(event)
            wakeVCPU()  // it may wait for just this
            return .ok
        }
        if case .request(let request) = event, let node = request.takeQueueNode() {
            inbox.put(event, in: node)
        } else if !inbox.put(event) {
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
            defer { if !isUnwrittenNow { state.nextBlockRequest &+= 1 } }
            return state.nextBlockRequest
        }
        return isIdle ? clockLock.withLock { _ in draw() } : draw()
    }

    // MARK: Flush

    package func flush() -> Status {
        if let refusal = refusal(.vcpu, "replay_async_events") { return refusal }
        if isFlushing {
            return misuse(.reentered, "replay_async_events was called from within an event's callback")
        }
        budgetsBeforeTurn = Self.mostBudgets
        replay_watch_count(&watch.pointee.vcpu_turns)
        if isPlaying { noteTurnForWatch() }
        takeDigestAtFlush()
        flushQueue(.direct)
        return hasFailed ? failure : .ok
    }

    /// The caller has made sure that no flush is under way.
    func flushQueue(_ call: FlushCall) {
        isFlushing = true
        defer { isFlushing = false }
        for event in inbox.takeUnwritten() { run(event) }
        if let player, isPlaying { playQueue(player, call) } else { recordQueue(call) }
    }

    /// PLAY, the vCPU's turn: what no log has waits for no event of it.
    func runUnwritten() {
        guard !isFlushing, inbox.count > 0 else { return }
        isFlushing = true
        defer { isFlushing = false }
        for event in inbox.takeUnwritten() { run(event) }
    }

    package func runAllUnwritten() -> Status {
        if let refusal = refusalWithoutRole("replay_flush_events") { return refusal }
        if isFlushing {
            return misuse(.reentered, "replay_flush_events was called from within an event's callback")
        }
        isFlushing = true
        defer { isFlushing = false }
        runQueue()
        return .ok
    }

    /// Events may queue events: so many times at most is the queue run to make it empty.
    static let mostRounds = 1000

    /// Runs what is queued, and what that queues.
    func runQueue() {
        for _ in 0..<Self.mostRounds {
            let waiting = arrived.values.sorted { $0.order < $1.order }
            arrived.removeAll()
            let events = inbox.takeAll()
            if waiting.isEmpty, events.count == 0 { return }
            for event in waiting { run(event) }
            for event in events { run(event) }
        }
    }

    // MARK: Record

    /// Writes and runs what is queued. The guest gets nothing that is not in the log: where an
    /// event can't be written the recording ends, and the rest waits for the end of the session.
    private func recordQueue(_ call: FlushCall) {
        if isRecording, hasFailed, !options.goOnWhenFull { return }
        if isRecording {
            guard accountForWriting(host.icount) != nil else { return }
            beginFlush()
        }
        var events = inbox.takeAll()
        if events.count == 0 { return }
        if isRecording { writeFlushPlace(call) }
        defer { if isRecording { endFlush() } }
        while let event = events.first {
            guard !isRecording || write(event) || options.goOnWhenFull else { return inbox.putBack(events) }
            _ = events.popFirst()
            run(event)
        }
    }

    /// - Returns: is the event in the log?
    private func write(_ event: QueuedEvent) -> Bool {
        switch event {
        case .bottomHalf(_, _, let id, let oneshot):
            write(oneshot ? .bottomHalfOneshot : .bottomHalf, .vcpu, Int64(bitPattern: id ?? 0))
        case .input(let event):
            write(
                event.logKind, .vcpu, event.logHead, event.content.code, Int64(event.content.axis),
                Int64(event.content.slot), event.content.tracking_id, event.content.value)
        case .inputSync:
            write(.inputSync, .vcpu)
        case .charRead(let device, let data):
            write(.charRead, .vcpu, Int64(device), bytes: data.readOnly)
        case .block(_, _, let id):
            write(.block, .vcpu, Int64(bitPattern: id))
        case .blockResult(let completion):
            write(completion)
        case .request(let request):
            write(request)
        case .net(let filter, let flags, let data):
            write(.net, .vcpu, Int64(filter.number), Int64(flags), bytes: data.readOnly)
        }
    }

    // MARK: Play

    /// Runs asynchronous events as long as they are next.
    private func playQueue(_ player: Player, _ call: FlushCall) {
        collectArrivals()
        guard accountForPlaying(host.icount, player), player.nextIcount == state.icount else { return }
        beginFlush()
        passOverShutdowns(player)
        while !hasFailed, accountForPlaying(host.icount, player), player.ending == nil,
            player.nextIcount == state.icount, let kind = player.next.knownKind, kind.isAsynchronous
        {
            if kind == .flush {
                guard reaches(player.next, call) else { break }
                flushPlace.number = 0
                consume(player)
                continue
            }
            // Copying, comparing and the host's callback may each take their time.
            let isRun = inHost {
                guard let event = take(kind, player.next, call) else { return false }
                consume(player)
                flushPlace.number = 0  // it may have been late
                run(event)
                return true
            }
            guard isRun else {
                if !hasFailed, kind.rule.needsArrival, waitForWorker(player.next, call) {
                    collectArrivals()
                    continue
                }
                break
            }
            collectArrivals()
        }
        endFlush()
    }

    /// Of twice the table, for each arrival.
    private var arrivalSize: Int { 4 &* MemoryLayout<(ArrivalKey, QueuedEvent)>.stride }

    private func collectArrivals() {
        var events = inbox.takeAll()
        while let event = events.first {
            if let key = event.arrivalKey {
                if arrived.count == arrived.capacity, !CheckedMemory.has(arrivalSize &* (arrived.count &+ 16))
                {
                    memoryRanOut(for: "what has arrived before its place")
                    return inbox.putBack(events)
                }
                arrived[key] = event
            }
            _ = events.popFirst()
        }
        if let player, !arrived.isEmpty { publishArrival(player) }
    }

    /// The event that the log says is next; nil when it has not arrived yet, or
    /// cannot be made (then the replay has failed).
    private func take(_ kind: EventKind, _ event: Event, _ call: FlushCall) -> QueuedEvent? {
        let id = UInt64(bitPattern: event.a)
        if let key = event.arrivalKey, arrived[key] != nil, isMissed(event, call) { return nil }
        switch kind {
        case .bottomHalf, .bottomHalfOneshot:
            guard case .bottomHalf(_, _, _, let oneshot)? = arrived[.bottomHalf(id)] else { return nil }
            guard oneshot == (kind == .bottomHalfOneshot) else {
                diverge("\(oneshot ? "a" : "no") one-shot bottom half \(id)")
                return nil
            }
            return arrived.removeValue(forKey: .bottomHalf(id))
        case .input, .inputFrom:
            guard let input = InputEvent(event) else {
                diverge("a machine without input of kind \(event.a)")
                return nil
            }
            return .input(input)
        case .inputSync:
            return .inputSync
        case .charRead:
            guard let device = Int(exactly: event.a), devices.hasCharDevice(device) else {
                diverge("a machine without character device \(event.a)")
                return nil
            }
            return payload(of: event).map { .charRead(device: device, $0) }
        case .block, .blockRead, .blockData:
            guard let arrival = arrived[.block(id)] else { return nil }
            switch arrival {
            case .request(let request): guard prepareReplay(of: request, event) else { return nil }
            case .blockResult(let done): guard prepareReplay(of: done, event) else { return nil }
            default: break
            }
            arrived.removeValue(forKey: .block(id))
            return arrival
        case .net:
            guard let filter = devices.netFilter(number: event.a) else {
                diverge("a machine without network filter \(event.a)")
                return nil
            }
            let flags = UInt32(truncatingIfNeeded: event.b)
            return payload(of: event).map { .net(filter, flags: flags, $0) }
        default:
            return nil
        }
    }

    /// PLAY: a copy that outlives the log's place; without memory the replay ends.
    func payload(of event: Event) -> Payload? {
        if let payload = Payload(copying: event.bytes) { return payload }
        memoryRanOut(for: "\(event.bytes.count) bytes of \(EventRing.describe(event))")
        return nil
    }

    // MARK: Run

    /// Lets an event reach the guest.
    func run(_ event: QueuedEvent) {
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
    /// For running what is left in an order that does not depend on hashing.
    fileprivate var order: (UInt64, UInt64) {
        switch self {
        case .bottomHalf(_, _, let id, _): (0, id ?? 0)
        case .block(_, _, let id): (1, id)
        case .blockResult(let completion): (1, completion.id)
        case .request(let request): (1, request.id)
        case .input, .inputSync, .charRead, .net: (2, 0)
        }
    }
}
