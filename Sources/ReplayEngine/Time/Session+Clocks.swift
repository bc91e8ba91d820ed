import CReplay
import ReplayLog

/// Readings of the recorded clocks.
extension Session {
    /// RECORD: stores a reading, and gives it back.
    @inline(__always)
    package func saveClock(_ clock: Int32, _ value: Int64, _ icount: UInt64) -> Int64 {
        guard isRecording, refusalInRun(.either, "replay_save_clock") == nil else {
            return saveClockElsewhere(value)
        }
        if options.lint { lintOutsideOfCheckpoint("a clock reading") }
        return writeClock(clock, value, icount, usual: .vcpu)
    }

    @inline(__always)
    func writeClock(_ clock: Int32, _ value: Int64, _ icount: UInt64, usual: ThreadRole) -> Int64 {
        guard let kind = Self.kind(ofClock: clock), !hasFailed, let writer = hotWriter else {
            return unwrittenClock(clock, value)
        }
        guard let icount = accountForWriting(icount) else { return value }
        let role = ThreadRoles.mine.role(usually: usual)
        _ = note(written: writer._withUnsafeGuaranteedRef { $0.appendClock(kind, role, icount, value) })
        cache(kind, value)
        return value
    }

    @inline(never)
    private func saveClockElsewhere(_ value: Int64) -> Int64 {
        if !isRecording { misuse(.wrongMode, "replay_save_clock was called while not recording") }
        return value
    }

    @inline(never)
    private func unwrittenClock(_ clock: Int32, _ value: Int64) -> Int64 {
        if Self.kind(ofClock: clock) == nil { misuse(.invalidArgument, "clock \(clock) does not exist") }
        return value
    }

    /// PLAY: the recorded reading.
    package func readClock(_ clock: Int32, _ icount: UInt64) -> Int64 {
        guard let kind = Self.kind(ofClock: clock) else {
            misuse(.invalidArgument, "clock \(clock) does not exist")
            return 0
        }
        guard isPlaying, refusalInRun(.either, "replay_read_clock") == nil, let player = hotPlayer else {
            if !isPlaying { misuse(.wrongMode, "replay_read_clock was called while not replaying") }
            return holdsLock ? cached(kind) : 0
        }
        return player._withUnsafeGuaranteedRef { readClock(kind, icount, $0) }
    }

    @inline(__always)
    private func readClock(_ kind: EventKind, _ icount: UInt64, _ player: Player) -> Int64 {
        guard accountForPlaying(icount, player) else { return cached(kind) }
        if player.isNext(kind, at: state.icount), ThreadRoles.mine.has(player.next.role) {
            return takeReading(kind, player)
        }
        return readClockOutOfTurn(kind, player)
    }

    @inline(__always)
    private func takeReading(_ kind: EventKind, _ player: Player) -> Int64 {
        let value = player.next.a
        cache(kind, value)
        if case .io = player.next.role { patience = Self.fullPatience }
        consume(player)
        return value
    }

    /// A reading that is not this thread's next event. An I/O thread's loop may turn
    /// at other times than it did; a vCPU thread that does something else does it wrong.
    @inline(never)
    private func readClockOutOfTurn(_ kind: EventKind, _ player: Player) -> Int64 {
        guard ThreadRoles.mine.overlaps(.vcpu) else {
            replay_watch_ask_kind(watch, kind.rawValue, ThreadRoles.mine.bits)
            return cached(kind)
        }
        passOver(player)
        if player.isNext(kind, at: state.icount), ThreadRoles.mine.has(player.next.role) {
            return takeReading(kind, player)
        }
        diverge("a reading of \(kind.name) by \(ThreadRoles.mine.description)")
        return cached(kind)
    }

    /// The reading that the warp works with, in every mode.
    func warpReading(_ role: ThreadRole) -> Int64 {
        let virtualRT = Int32(truncatingIfNeeded: REPLAY_CLOCK_VIRTUAL_RT)
        if isRecording { return writeClock(virtualRT, runningTime, host.icount, usual: role) }
        guard let player, isPlaying else { return runningTime }
        guard player.isNext(.clockVirtualRT, at: state.icount) else {
            diverge("the reading of CLOCK_VIRTUAL_RT that the warp of the virtual clock needs")
            return state.virtualRTClock
        }
        return takeReading(.clockVirtualRT, player)
    }

    @inline(__always)
    private static func kind(ofClock clock: Int32) -> EventKind? {
        clock == Int32(truncatingIfNeeded: REPLAY_CLOCK_HOST)
            ? .clockHost : clock == Int32(truncatingIfNeeded: REPLAY_CLOCK_VIRTUAL_RT) ? .clockVirtualRT : nil
    }

    @inline(__always)
    func cache(_ kind: EventKind, _ value: Int64) {
        if case .clockHost = kind { state.hostClock = value } else { state.virtualRTClock = value }
    }

    private func cached(_ kind: EventKind) -> Int64 {
        if case .clockHost = kind { state.hostClock } else { state.virtualRTClock }
    }

    /// Nothing is delivered here: a host reads clocks where its callbacks would wait for ever.
    package func unlockAfterClock(_ value: Int64) -> Int64 {
        _ = giveLockSilently()
        return value
    }
}
