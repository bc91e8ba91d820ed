import ReplayLog

/// The cursor goes to a different place of the log, or looks at one.
extension Player {
    /// The running checksum of the log before ``next``.
    func chain() throws(LogError) -> UInt64 {
        let isFrozen = frozen != nil
        thaw()
        defer { if isFrozen { freeze() } }
        let (icount, index) = (nextIcount, nextIndex)
        let chain = try reader.seek(toEvent: index)
        if ending == nil { fetch(after: icount, index) }
        return chain
    }

    /// Does the log have the events before that position?
    func isOfThisLog(_ position: EnginePosition) -> Bool {
        hasChain(position.chain, before: position.events)
    }

    /// Is this the running checksum of the log before an event?
    func hasChain(_ chain: UInt64, before event: UInt64) -> Bool {
        let found = try? elsewhere { () throws(LogError) in try reader.seek(toEvent: event) }
        return found == chain
    }

    /// The icount of an event.
    func icount(ofEvent index: UInt64) throws(LogError) -> UInt64 {
        try elsewhere { () throws(LogError) in
            try reader.seek(toEvent: index)
            guard let event = try reader.next() else {
                throw LogError(.misuse, "\(reader.path) has no event \(index)", eventIndex: index)
            }
            return event.icount
        }
    }

    /// Lines that describe the next events.
    func upcoming(_ count: Int) throws(LogError) -> [String] {
        let index = nextIndex
        return try elsewhere { () throws(LogError) in
            try reader.seek(toEvent: index)
            var lines: [String] = []
            while lines.count < count, let event = try reader.next() {
                lines.append(EventRing.describe(event))
            }
            return lines
        }
    }

    /// Reads the log at a different place; it is where it was then.
    private func elsewhere<Result>(_ body: () throws(LogError) -> Result) throws(LogError) -> Result {
        let isFrozen = frozen != nil
        thaw()
        let (icount, index) = (nextIcount, nextIndex)
        defer {
            _ = try? reader.seek(toEvent: index)
            if ending == nil { fetch(after: icount, index) }
            if isFrozen { freeze() }
        }
        return try body()
    }

    /// Has an event been consumed at this icount? True if that isn't known.
    func hasConsumed(at icount: UInt64) -> Bool {
        if let last = ring.last { return last.icount == icount }
        return !isArrival && nextIndex > 0
    }

    /// A snapshot was loaded. - Parameter isArrival: it is before all events of its icount.
    func noteArrival(_ isArrival: Bool) { self.isArrival = isArrival }

    var isFrozen: Bool { frozen != nil }

    /// Nothing is next until ``thaw()``.
    func freeze() {
        if frozen != nil { return }
        frozen = (next, ending)
        ending = nil
        ring.restore(Event(kind: EventHead.none, role: .vcpu, icount: .max, index: next.index))
    }

    func thaw() {
        guard let frozen else { return }
        self.frozen = nil
        ending = frozen.ending
        ring.restore(frozen.event)
        forgetWaits()
    }

    /// Continues at a position; if that is impossible, where it was.
    func go(to position: EnginePosition, isTrusted: Bool = false) throws(ReplayError) {
        let isFrozen = frozen != nil
        thaw()
        defer { if isFrozen { freeze() } }
        let (before, wasEnding) = (next, ending)
        do throws(LogError) {
            let chain = try reader.seek(toEvent: position.events)
            guard isTrusted || chain == position.chain else {
                throw LogError(.foreign, "it is of a different recording")
            }
            ending = nil
            fetch(after: position.icount, position.events)
            if case .damaged(let error)? = ending { throw error }
        } catch {
            ending = wasEnding
            _ = try? reader.seek(toEvent: before.index)
            ring.restore(before)
            if wasEnding == nil { fetch(after: before.icount, before.index) }
            throw error.code == .foreign || error.code == .misuse
                ? EnginePosition.error(error.message) : ReplayError(error)
        }
        isArrival = false
        if breakIcount < position.icount { deleteBreak() }
        endIsReported = false
        owedShutdowns = ShutdownQueue()
        ring.forget()
        lastShutdown = position.state.shutdownCause == .none ? nil : position.state.shutdownCause
        (isInSlice, missedCompletion, patience) = (false, .max, Self.fullPatience)
        isFresh = true
        forgetWaits()
    }
}
