import ReplayLog
import ReplaySystem
import Synchronization

/// PLAY: the log decides which event is next; bottom halves and completions are found by number.
extension Session {
    /// Runs asynchronous events while they are next.
    func playQueue(_ player: Player, _ call: FlushCall) {
        collectArrivals()
        guard accountForPlaying(host.icount, player), player.nextIcount == icount else { return }
        beginFlush()
        passOverShutdowns(player)
        while accountForPlaying(host.icount, player), let rule = dueRule(player), rule.way == .flush,
            let kind = player.next.knownKind
        {
            if kind == .flush {
                guard reaches(player.next, call) else { break }
                state.flushPlace.number = 0
                consume(player)
                continue
            }
            // Copying, comparing and the host's callback may each take some time.
            let isRun = inHost {
                guard let event = take(kind, player.next, call) else { return false }
                consume(player)
                state.flushPlace.number = 0  // it may have been late
                run(event)
                return true
            }
            guard isRun else {
                if !hasFailed, rule.arrival != nil, waitForWorker(player.next, call) {
                    collectArrivals()
                    continue
                }
                break
            }
            collectArrivals()
        }
        endFlush()
    }

    /// The memory that an arrival may need: twice a table's entry.
    private var arrivalSize: Int { 4 &* MemoryLayout<(ArrivalKey, QueuedEvent)>.stride }

    private func collectArrivals() {
        var events = queue.inbox.takeAll()
        while let event = events.first {
            if event.isUnwritten {  // it arrived after the flush began
                _ = events.popFirst()
                inHost { run(event) }
                continue
            }
            if case .request(let request) = event, request.isAbandoned {
                _ = events.popFirst()
                request.reachGuest()
                continue
            }
            if let key = event.arrivalKey {
                if queue.arrived.count == queue.arrived.capacity,
                    !CheckedMemory.has(arrivalSize &* (queue.arrived.count &+ 16))
                {
                    memoryRanOut(for: "an event that arrived before its place")
                    return queue.inbox.putBack(events)
                }
                queue.arrived[key] = event
            }
            _ = events.popFirst()
        }
        if !queue.arrived.isEmpty { withPlayer { publishArrival($0) } }
    }

    /// The next event of the log; nil if it hasn't arrived yet, or
    /// can't be created (then the replay has failed).
    private func take(_ kind: EventKind, _ event: Event, _ call: FlushCall) -> QueuedEvent? {
        if let key = event.arrivalKey, queue.arrived[key] != nil, isMissed(event, call) { return nil }
        switch kind {
        case .bottomHalf, .bottomHalfOneshot:
            let id = event.bottomHalf
            guard case .bottomHalf(_, _, _, let oneshot)? = queue.arrived[.bottomHalf(id)] else { return nil }
            guard oneshot == (kind == .bottomHalfOneshot) else {
                diverge("\(oneshot ? "a" : "no") one-shot bottom half \(id)")
                return nil
            }
            return queue.arrived.removeValue(forKey: .bottomHalf(id))
        case .input, .inputFrom:
            guard let input = event.input, input.exists else {
                diverge("a machine without such input")
                return nil
            }
            return .input(input)
        case .inputSync:
            return .inputSync
        case .charRead:
            guard devices.hasCharDevice(event.device) else {
                diverge("a machine without character device \(event.device)")
                return nil
            }
            return payload(of: event).map { .charRead(device: event.device, $0) }
        case .block, .blockRead, .blockData:
            let id = event.request
            guard let arrival = queue.arrived[.block(id)] else { return nil }
            switch arrival {
            case .request(let request): guard prepareReplay(of: request, event) else { return nil }
            case .blockResult(let done): guard prepareReplay(of: done, event) else { return nil }
            default: break
            }
            queue.arrived.removeValue(forKey: .block(id))
            return arrival
        case .net:
            guard let filter = devices.netFilter(number: Int64(event.filter)) else {
                diverge("a machine without network filter \(event.filter)")
                return nil
            }
            return payload(of: event).map { .net(filter, flags: event.netFlags, $0) }
        default:
            return nil
        }
    }

    /// PLAY: a copy that outlives the log's place. If memory runs out the replay ends.
    func payload(of event: Event) -> RawBuffer? {
        if let payload = RawBuffer(copying: event.bytes) { return payload }
        memoryRanOut(for: "\(event.bytes.count) bytes of \(EventRing.describe(event))")
        return nil
    }
}
