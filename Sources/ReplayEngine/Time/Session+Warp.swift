import ReplayLog
import ReplaySystem
import Synchronization

/// The virtual clock, its warp while the guest sleeps, and the shift that follows real time.
extension Session {
    // MARK: The virtual clock

    package var virtualTime: Int64 {
        if isForked { return 0 }
        let icount = host.icount
        return holdsLock ? withClock { $0.now(icount) } : shownClock.now(icount)
    }

    /// In mode NONE the replay lock doesn't order the two threads.
    func withClock<Result>(_ body: (inout VirtualClock) -> Result) -> Result {
        if isIdle {
            return clockLock.withLock { shown in
                defer { shown = state.clock }
                return body(&state.clock)
            }
        }
        let changes = state.clock.changes
        let result = body(&state.clock)
        if state.clock.changes != changes { setClock(state.clock) }
        return result
    }

    /// For threads without the lock.
    var shownClock: VirtualClock { clockLock.withLock { $0 } }

    func setClock(_ clock: VirtualClock) {
        clockLock.withLock { shown in
            state.clock = clock
            shown = clock
        }
    }

    func showClock() { setClock(state.clock) }

    func virtualInstructions(for ns: Int64) -> UInt64 { withClock { $0.instructions(for: ns) } }

    /// Virtual ns to the nearest timer of the host or the library; nil: none.
    func virtualDeadline(_ icount: UInt64) -> Int64? {
        let hosts = host.deadline(.virtual)
        guard let own = withTimers({ $0.nearest }) else { return hosts }
        let ours = max(own &- withClock { $0.now(icount) }, 0)
        return hosts.map { min($0, ours) } ?? ours
    }

    func withTimers<Result>(_ body: (inout TimerList) -> Result) -> Result {
        isIdle ? clockLock.withLock { _ in body(&state.timers) } : body(&state.timers)
    }

    // MARK: The warp

    /// Starts the effect of the guest's sleep on its clock.
    func beginWarp(_ deadline: Int64, _ target: Int64) {
        guard sleeps else {
            withClock { $0.skip(deadline) }
            return wakeVCPU()
        }
        let now = warpReading(.io)
        withClock { $0.armWarp(real: now, deadline: deadline, target: target) }
    }

    func endWarp(_ role: ThreadRole) {
        guard withClock({ $0.warpStart != nil }) else { return }
        let now = warpReading(role)
        let icount = host.icount
        withClock { $0.endWarp(real: now, icount: icount) }
    }

    func warnOfEndlessSleep() {
        if sleeps || course.warnedOfSleep || hasRequestsAtWork { return }
        course.warnedOfSleep = true
        host.message(
            .warning,
            "the guest sleeps, has no timer, and with sleep=off nothing will ever wake it")
    }

    func accountSleep() {
        withClock { $0.disarmWarp() }
        endWarp(.vcpu)
    }

    // MARK: The automatic shift

    /// RECORD, NONE: from time to time, adapts the shift to the host's speed. The
    /// checkpoint of a vCPU thread marks the place for PLAY.
    func lookAtShift() {
        guard withClock({ $0.isAuto }) else { return }
        // Before that, because in mode NONE the same lock guards the pauses.
        let (icount, now) = (host.icount, runningTime)
        guard withClock({ $0.mustLook(icount: icount, real: now) }) else { return }
        if isRecording, !write(.checkpointClockVirtualRT, role: .vcpu) { return }
        let real = warpReading(.vcpu)
        withClock { $0.look(icount: icount, real: real) }
    }

    /// PLAY: the log says that this thread adapted the shift here.
    func lookAtShiftNow() {
        let real = warpReading(.vcpu)
        let icount = self.icount
        withClock { $0.look(icount: icount, real: real) }
    }

    func warnOfAlignment() {
        guard options.align, !course.warnedOfAlignment else { return }
        let late = runningTime &- virtualTime
        guard late > VirtualClock.wobble else { return }
        course.warnedOfAlignment = true
        host.message(.warning, "the guest's clock is \(late / 1_000_000) ms behind real time")
    }
}
