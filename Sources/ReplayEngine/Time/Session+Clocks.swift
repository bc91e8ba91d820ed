import CReplay
import ReplayLog
import Synchronization

// Free functions, so that each call is a jump. The host is asked for its icount before anything is loaded that would
// have to be saved across its callback.

/// replay_save_clock().
package func saveClock(_ clock: Int32, _ value: Int64, _ icount: UInt64, in session: Session) -> Int64 {
    guard session.holdsLock else { return saveClockSlowly(clock, value, icount, in: session) }
    let icount = icount == Session.icountNow ? session.host.icount : icount
    if session.saveClockQuickly(clock, value, icount) { return value }
    return saveClockSlowly(clock, value, icount, in: session)
}

/// replay_read_clock().
package func readClock(_ clock: Int32, _ icount: UInt64, in session: Session) -> Int64 {
    guard session.holdsLock else { return readClockSlowly(clock, icount, in: session) }
    let icount = icount == Session.icountNow ? session.host.icount : icount
    return session.readClockQuickly(clock, icount) ?? readClockSlowly(clock, icount, in: session)
}

@inline(never)
private func saveClockSlowly(_ clock: Int32, _ value: Int64, _ icount: UInt64, in session: Session) -> Int64 {
    session.saveClock(clock, value, icount)
}

@inline(never)
private func readClockSlowly(_ clock: Int32, _ icount: UInt64, in session: Session) -> Int64 {
    session.readClock(clock, icount)
}

/// Readings of the recorded clocks.
extension Session {
    /// RECORD: the fast path of ``saveClock(_:_:_:)``, for the owner of the lock. False: nothing was written.
    @inline(__always)
    fileprivate func saveClockQuickly(_ clock: Int32, _ value: Int64, _ count: UInt64) -> Bool {
        let roles = ThreadRoles.mine
        guard roles.bits != 0, let encoder = shared.quickEncoder.load(ordering: .relaxed),
            let kind = EventKind.number(ofClock: clock), count >= icount
        else { return false }
        icount = count
        state.readings[Int(clock)] = value
        guard encoder.pointee.putClock(kind, roles.role(usually: .vcpu), count, value) else { return false }
        events &+= 1
        return true
    }

    /// As an icount: ask the host for it.
    static var icountNow: UInt64 { .max }

    /// RECORD: stores a reading, and returns it.
    @inline(never)
    fileprivate func saveClock(_ clock: Int32, _ value: Int64, _ count: UInt64) -> Int64 {
        guard isRecording, refusalInRun(.either, "replay_save_clock") == nil else {
            return saveClockElsewhere(value)
        }
        if options.lint { lintOutsideOfCheckpoint("a clock reading") }
        return writeClock(
            clock, value, count == Self.icountNow ? host.icount : count, usual: course.isIOTurn ? .io : .vcpu)
    }

    func writeClock(_ clock: Int32, _ value: Int64, _ icount: UInt64, usual: ThreadRole) -> Int64 {
        guard let kind = Self.kind(ofClock: clock), !hasFailed, let recorder = hotRecorder else {
            return unwrittenClock(clock, value)
        }
        guard let icount = accountForWriting(icount) else { return value }
        let role = ThreadRoles.mine.role(usually: usual)
        _ = recorder._withUnsafeGuaranteedRef {
            note(written: $0.hotWriter._withUnsafeGuaranteedRef { $0.appendClock(kind, role, icount, value) })
        }
        cache(kind, value)
        return value
    }

    @inline(never)
    private func saveClockElsewhere(_ value: Int64) -> Int64 {
        if isPlaying { misuse(.wrongMode, "replay_save_clock was called in a replay") }
        return value
    }

    @inline(never)
    private func unwrittenClock(_ clock: Int32, _ value: Int64) -> Int64 {
        if Self.kind(ofClock: clock) == nil { misuse(.invalidArgument, "clock \(clock) does not exist") }
        return value
    }

    /// PLAY: the fast path of ``readClock(_:_:)``. Nil: nothing was done.
    @inline(__always)
    fileprivate func readClockQuickly(_ clock: Int32, _ count: UInt64) -> Int64? {
        guard let player = shared.quickPlayer.load(ordering: .relaxed),
            ThreadRoles.mine.overlaps(.vcpu), let kind = EventKind.number(ofClock: clock)
        else { return nil }
        return player._withUnsafeGuaranteedRef { player in
            // An event that is due there is at or after the icount of the last accounting.
            guard player.isNext(head: EventHead.make(UInt8(truncatingIfNeeded: kind), .vcpu), at: count)
            else { return nil }
            icount = count
            let value = player.next.clockValue
            state.readings[Int(clock)] = value
            consumeQuickly(player)
            return value
        }
    }

    /// PLAY: the recorded reading.
    @inline(never)
    fileprivate func readClock(_ clock: Int32, _ count: UInt64) -> Int64 {
        guard let kind = Self.kind(ofClock: clock) else {
            misuse(.invalidArgument, "clock \(clock) does not exist")
            return 0
        }
        guard isPlaying, refusalInRun(.either, "replay_read_clock") == nil, let player = hotPlayer else {
            if !isPlaying { misuse(.wrongMode, "replay_read_clock was called while not replaying") }
            return holdsLock ? cached(kind) : 0
        }
        let count = count == Self.icountNow ? host.icount : count
        return player._withUnsafeGuaranteedRef { readClock(kind, count, $0) }
    }

    @inline(__always)
    private func readClock(_ kind: EventKind, _ icount: UInt64, _ player: Player) -> Int64 {
        guard accountForPlaying(icount, player), mayTake(kind, player) else { return cached(kind) }
        return takeReading(kind, player)
    }

    @inline(__always)
    private func takeReading(_ kind: EventKind, _ player: Player) -> Int64 {
        let value = player.next.clockValue
        cache(kind, value)
        if case .io = player.next.role { player.patience = Player.fullPatience }
        consume(player)
        return value
    }

    /// The reading for the warp, in every mode.
    func warpReading(_ role: ThreadRole) -> Int64 {
        let virtualRT = ClockNumber.virtualRT
        if isRecording { return writeClock(virtualRT, runningTime, host.icount, usual: role) }
        guard let player else { return runningTime }
        guard isMine(.clockVirtualRT, player) else {
            diverge("the reading of CLOCK_VIRTUAL_RT that the warp of the virtual clock needs")
            return state.virtualRTClock
        }
        return takeReading(.clockVirtualRT, player)
    }

    @inline(__always)
    private static func kind(ofClock clock: Int32) -> EventKind? {
        clock == ClockNumber.host
            ? .clockHost : clock == ClockNumber.virtualRT ? .clockVirtualRT : nil
    }

    @inline(__always)
    func cache(_ kind: EventKind, _ value: Int64) {
        if case .clockHost = kind { state.hostClock = value } else { state.virtualRTClock = value }
    }

    private func cached(_ kind: EventKind) -> Int64 {
        if case .clockHost = kind { state.hostClock } else { state.virtualRTClock }
    }

    /// Delivers nothing, because a host may read clocks where its callbacks would deadlock.
    package func unlockAfterClock(_ value: Int64) -> Int64 {
        _ = giveLockSilently()
        return value
    }
}
