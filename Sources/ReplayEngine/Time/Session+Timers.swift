/// The library's own timers on the virtual clock.
extension Session {
    package func newTimer(_ callback: @escaping Callback, _ opaque: UnsafeMutableRawPointer?) -> UInt? {
        if refusalWithoutRole("replay_timer_new") != nil { return nil }
        if let timer = withTimers({ $0.add(callback, opaque) }) { return timer }
        memoryRanOut(for: "a timer")
        return nil
    }

    package func setTimer(_ handle: UInt, _ expire: Int64) -> Status {
        if let refusal = refusal(.either, "replay_timer_mod") { return refusal }
        let before = withTimers { $0.nearest } ?? .max
        guard withTimers({ $0.set(handle, at: max(expire, 0)) }) else { return noTimer("replay_timer_mod") }
        if max(expire, 0) < before { noteEarlierDeadline() }
        return .ok
    }

    /// The current slice ends at a later deadline; a sleeping guest's warp
    /// is armed for one.
    private func noteEarlierDeadline() {
        host.kick()
        if host.cpusIdle { wakeIOForWarp() }
    }

    package func clearTimer(_ handle: UInt) -> Status {
        if let refusal = refusal(.either, "replay_timer_del") { return refusal }
        return withTimers { $0.clear(handle) } ? .ok : noTimer("replay_timer_del")
    }

    package func freeTimer(_ handle: UInt) -> Status {
        if let refusal = refusalWithoutRole("replay_timer_free") { return refusal }
        return withTimers { $0.remove(handle) } ? .ok : noTimer("replay_timer_free")
    }

    package func expireTime(_ handle: UInt) -> Int64 {
        if refusalWithoutRole("replay_timer_expire_time", isReading: true) != nil { return -1 }
        return withTimers { $0.expire(handle) } ?? -1
    }

    private func noTimer(_ function: StaticString) -> Status {
        misuse(.invalidArgument, "\(function) was called for a timer that this session does not have")
    }

    // MARK: Those that are due

    /// Is a timer due that the turn runs?
    var isVirtualTimerDue: Bool {
        if host.runsTimers, host.deadline(.virtual) == 0 { return true }
        guard let own = withTimers({ $0.nearest }) else { return false }
        return own <= virtualTime
    }

    var hasVirtualTimers: Bool { host.runsTimers || withTimers { $0.nearest } != nil }

    func runVirtualTimers() {
        let order = withTimers { $0.order }
        let now = virtualTime
        noteTimerRun(now)
        while let timer = withTimers({ $0.takeDue(now, before: order) }) {
            inHost { timer.callback(timer.opaque) }
        }
        if host.deadline(.virtual) == 0 { inHost { host.runTimers(.virtual) } }
    }

    /// Reports a timer that sets itself to the present each time, so that neither instructions nor time advance.
    private func noteTimerRun(_ now: Int64) {
        guard now == course.timerRuns.time else {
            course.timerRuns = (now, 0)
            return
        }
        course.timerRuns.count &+= 1
        guard course.timerRuns.count == Self.mostTimerRuns else { return }
        warnOnce(
            "virtual timers have run \(course.timerRuns.count) times at icount \(host.icount) and virtual time \(now) ns: a timer "
                + "that is set to the present whenever it runs (replay_timer_mod(), replay_host::deadline_ns) keeps the "
                + "vCPU thread from executing"
        )
    }

    static let mostTimerRuns: UInt32 = 10_000
}
