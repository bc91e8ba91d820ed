extension LogWriter {
    /// Makes room for an event of that icount: notes a mark, or goes on to the other segment. False: the log is
    /// dead or closed.
    @inline(never)
    func makeRoom(_ icount: UInt64) -> Bool {
        guard isOpen, !isDead else { return false }
        if live.isLost, let damage = live.damage() {
            sealer.fail(damage)
            return die()
        }
        let offset = encoder.pointee.offset
        let held = encoder.pointee.eventCount &- segment.firstEvent
        let isFull = offset >= live.layout.segmentSize || (segmentEvents > 0 && held >= segmentEvents)
        if isFull || (held > 0 && icount >= encoder.pointee.sealIcount) {
            guard nextSegment() else { return false }
            encoder.pointee.sealIcount = LogWriter.sealIcount(after: icount)
            return true
        }
        if held == 0 { encoder.pointee.sealIcount = LogWriter.sealIcount(after: icount) }
        if offset >= nextMark {
            live.mark(current, offset: offset, state: encoder.pointee.check)
            nextMark = (offset / LiveLayout.markInterval &+ 1) &* LiveLayout.markInterval
            setLimit()
        }
        return true
    }

    /// Seals the current segment, waits for the other one if it isn't free yet, and begins it.
    @inline(never)
    func nextSegment() -> Bool {
        guard giveMetadata() else { return false }
        if !sealCurrent() { return false }
        let other = 1 &- current
        let ticket = other == 0 ? tickets.0 : tickets.1
        if !sealer.isDone(ticket) {
            stalls &+= 1
            sealer.wait(for: ticket)
        }
        if sealer.failure != nil { return die() }
        activate(other)
        return true
    }

    /// At least so many instructions lie between the first events of two chunks, if neither is full.
    private static let leastSpan: UInt64 = 1 << 26

    /// Where a chunk ends whose first event has that icount, so that a byte that is damaged costs at most an eighth of
    /// the run up to there, or 64 Mi instructions, before itself.
    private static func sealIcount(after icount: UInt64) -> UInt64 {
        let (end, overflow) = icount.addingReportingOverflow(max(leastSpan, icount / 8))
        return overflow ? UInt64.max : end
    }

    /// Begins a free segment. The clocks begin at 0 again: a chunk decodes alone.
    func activate(_ index: Int) {
        live.activate(index, segment)
        current = index
        nextMark = LiveLayout.markInterval
        encoder.pointee.begin(at: live.data(index), committed: live.committed(index))
        shown.withLock { $0.committed = live.committed(index) }
        setLimit()
    }

    /// The first chunk is the metadata's.
    @discardableResult
    func giveMetadata() -> Bool {
        if !hasMetadata {
            do throws(LogError) { try writeMetadata(provideMetadata?() ?? LogMetadata()) } catch {
                return die()
            }
        }
        return true
    }

    /// The recorder ends here, for a reason outside of the log: what was appended stays, and its reader
    /// learns the errno.
    package func end(because error: LogError) {
        guard isOpen else { return }
        sealer.end(because: error)
        _ = die()
    }

    /// From here on every `append` comes to ``makeRoom()`` and learns that there is none.
    func die() -> Bool {
        isDead = true
        encoder.pointee.limit = encoder.pointee.base
        return false
    }

    private func setLimit() {
        let end = min(nextMark, live.layout.segmentSize)
        encoder.pointee.limit = encoder.pointee.base + (segmentEvents > 0 ? 0 : end)
    }
}
