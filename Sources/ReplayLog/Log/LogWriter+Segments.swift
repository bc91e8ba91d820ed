import ReplaySystem

extension LogWriter {
    /// Makes room for an event of that icount: writes a mark, or continues in the other segment. False: the log
    /// is dead or closed.
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

    /// Seals the current segment, waits until the next one is free, and begins it.
    @inline(never)
    func nextSegment() -> Bool {
        guard giveMetadata() else { return false }
        if !sealCurrent() { return false }
        let other = (current &+ 1) % live.layout.segmentCount
        let ticket = tickets[other]
        if !sealer.isDone(ticket) {
            stalls &+= 1
            sealer.wait(for: ticket)
        }
        if sealer.failure != nil { return die() }
        activate(other)
        return true
    }

    /// The smallest number of instructions that ends a chunk.
    private static let leastSpan: UInt64 = 1 << 26

    /// The icount at which a chunk ends whose first event has that icount, so that a damaged byte loses at most an
    /// eighth of the run before it, or 64 Mi instructions.
    private static func sealIcount(after icount: UInt64) -> UInt64 {
        let (end, overflow) = icount.addingReportingOverflow(max(leastSpan, icount / 8))
        return overflow ? UInt64.max : end
    }

    /// Begins a free segment. The clocks begin at 0 again, so that each chunk can be decoded alone.
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

    /// Ends the recording for a reason outside of the log. What was appended stays, and a reader gets
    /// the errno.
    package func end(because error: LogError) {
        guard isOpen else { return }
        sealer.end(because: error)
        _ = die()
    }

    /// Makes every later `append` call ``makeRoom()``, which fails.
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
