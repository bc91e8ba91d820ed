import CReplay
import ReplayLog
import Synchronization

/// PLAY: the log says which event is next; bottom halves and completions are found by their number.
extension Session {
    /// Runs asynchronous events as long as they are next.
    func playQueue(_ player: Player, _ call: FlushCall) {
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
            if event.isUnwritten {  // it has arrived since the flush began
                _ = events.popFirst()
                inHost { run(event) }
                continue
            }
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
}
