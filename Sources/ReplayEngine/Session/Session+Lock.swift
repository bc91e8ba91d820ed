import CReplay

/// The replay lock, and waiting without it.
extension Session {
    package func takeLock() -> Status {
        if isIdle {
            if !isConfigured { replay_thread_self().pointee.locked_early = UnsafeRawPointer(lock) }
            return .ok
        }
        if replay_fair_lock_mine(lock) {
            return misuse(.lockHeld, "the replay lock was taken by a thread that holds it already")
        }
        return replay_fair_lock_take(lock) ? .ok : reportFork()
    }

    package func giveLock() -> Status {
        if replay_fair_lock_mine(lock) { settleAtRelease() }
        return giveLockSilently()
    }

    func giveLockSilently() -> Status {
        if replay_fair_lock_mine(lock) {
            replay_fair_lock_give(lock)
            return .ok
        }
        if isIdle {
            replay_thread_self().pointee.locked_early = nil
            return .ok
        }
        return misuse(.lockNotHeld, "the replay lock was given back by a thread that does not hold it")
    }

    /// A run begins, in which there is a lock: the thread that took it before has it now.
    func takeLockIfTakenEarly() {
        let thread = replay_thread_self()
        guard thread.pointee.locked_early == UnsafeRawPointer(lock) else { return }
        thread.pointee.locked_early = nil
        if !isIdle, !replay_fair_lock_mine(lock) { _ = replay_fair_lock_take(lock) }
    }

    package var isLocked: Bool { isIdle || replay_fair_lock_mine(lock) }

    /// Is the lock truly held by this thread, whatever the mode?
    package var holdsLock: Bool { replay_fair_lock_mine(lock) }

    /// Runs `body` under the lock, whoever holds it now.
    package func withLock<Result>(_ body: () -> Result) -> Result {
        if replay_fair_lock_mine(lock) { return body() }
        _ = replay_fair_lock_take(lock)
        defer { replay_fair_lock_give(lock) }
        return body()
    }

    /// Lets those in who wait for the lock.
    package func yieldLock() {
        guard replay_fair_lock_mine(lock), replay_fair_lock_wanted(lock) else { return }
        replay_fair_lock_give(lock)
        _ = replay_fair_lock_take(lock)
    }

    /// Waits for a change since this thread's last turn, giving the lock away.
    package func wait(_ timeout: Int64) -> Status {
        if let refusal = refusal(.either, "replay_wait") { return refusal }
        let thread = replay_thread_self()
        let roles = ThreadRoles.mine
        if thread.pointee.seen_of != nil, thread.pointee.seen_of != UnsafeRawPointer(change) {
            noteTurn()  // its last turn was another session's: anything may be news
            return .ok
        }
        withPlayer { settle(roles.overlaps(.vcpu) ? .rest : .release, $0) }
        // While the machine is paused no turn does anything, so none is due.
        if roles.overlaps(.vcpu), !isPlaying, host.machineRunning, host.cpusIdle {
            if hasVirtualTimers, virtualDeadline(host.icount) == 0 {
                yieldLock()
                return .ok
            }
            wakeIOForWarp()
        }
        let limit = longestWait(timeout, roles)
        let changed = sleep(limit)
        return changed || limit != timeout ? .ok : .timeout
    }

    /// Sleeps until something changes that this thread has not seen. False at the limit.
    func sleep(_ limit: Int64) -> Bool {
        let roles = ThreadRoles.mine
        let held = replay_fair_lock_mine(lock)
        watchdog?.beginWait(roles)
        if held { replay_fair_lock_give(lock) }
        let changed = replay_change_wait(change, replay_thread_self().pointee.seen, limit)
        if held { _ = replay_fair_lock_take(lock) }
        watchdog?.endWait(roles)
        noteTurn()
        return changed
    }

    /// From here on, changes are news to this thread.
    func noteTurn() { noteTurn(replay_change_count(change)) }

    /// The vCPU's turn; what the I/O side was asked for in between stays news to a thread that does both.
    func noteVCPUTurn() {
        let count = replay_change_count(change)
        if ThreadRoles.mine.overlaps(.io), shared.askedForWarp.load(ordering: .relaxed) { return }
        noteTurn(count)
    }

    private func noteTurn(_ count: UInt32) {
        let thread = replay_thread_self()
        thread.pointee.seen = count
        thread.pointee.seen_of = UnsafeRawPointer(change)
    }

    /// There is something for this thread itself: its next wait ends at once.
    func noteOwnNews() { replay_thread_self().pointee.seen = replay_change_count(change) &- 1 }

    /// The end of a warp is a change that nobody notes: whoever runs the I/O
    /// side wakes for it.
    private func longestWait(_ timeout: Int64, _ roles: ThreadRoles) -> Int64 {
        guard roles.overlaps(.io) else { return timeout }
        replay_watch_end(watch, true)
        guard let next = withPlayer({ delayOfIOTurn($0) }) ?? nextIOTurn(ofTurns: true) else {
            return timeout
        }
        return timeout < 0 ? next : min(timeout, next)
    }
}

extension Session {
    package var canAttach: Bool { isConfigured && !isForked }

    /// Runs `body` with this session as the thread's current one: a main loop
    /// dispatches on a thread that may have another.
    package func asCurrent<Result>(_ body: () -> Result) -> Result {
        let thread = replay_thread_self()
        let before = thread.pointee.session
        thread.pointee.session = isDefault ? nil : Unmanaged.passUnretained(self).toOpaque()
        defer { thread.pointee.session = before }
        return body()
    }
}
