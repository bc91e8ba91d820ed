import CReplay

/// The replay lock, and waiting without it.
extension Session {
    package func takeLock() -> Status {
        if isIdle {
            if !isConfigured { replay_thread_self().pointee.locked_early = UnsafeRawPointer(lock) }
            return .ok
        }
        if replay_fair_lock_mine(lock) {
            return misuse(
                .lockHeld, "replay_mutex_lock was called by a thread that already holds the replay lock")
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
        return misuse(
            .lockNotHeld, "replay_mutex_unlock was called by a thread that does not hold the replay lock")
    }

    /// At the beginning of a run: a thread that called replay_mutex_lock() before now holds the lock.
    func takeLockIfTakenEarly() {
        let thread = replay_thread_self()
        guard thread.pointee.locked_early == UnsafeRawPointer(lock) else { return }
        thread.pointee.locked_early = nil
        if !isIdle, !replay_fair_lock_mine(lock) { _ = replay_fair_lock_take(lock) }
    }

    package var isLocked: Bool { isIdle || replay_fair_lock_mine(lock) }

    /// Does this thread really hold the lock, in any mode?
    package var holdsLock: Bool { replay_fair_lock_mine(lock) }

    /// Runs `body` with the lock held, and acquires it if needed.
    package func withLock<Result>(_ body: () -> Result) -> Result {
        if replay_fair_lock_mine(lock) { return body() }
        _ = replay_fair_lock_take(lock)
        defer { replay_fair_lock_give(lock) }
        return body()
    }

    /// Releases the lock briefly if other threads wait for it.
    package func yieldLock() {
        guard replay_fair_lock_mine(lock), replay_fair_lock_wanted(lock) else { return }
        replay_fair_lock_give(lock)
        _ = replay_fair_lock_take(lock)
    }

    /// Waits for a change since this thread's last turn, and releases the lock meanwhile.
    package func wait(_ timeout: Int64) -> Status {
        if let refusal = refusal(.either, "replay_wait") { return refusal }
        let thread = replay_thread_self()
        let roles = ThreadRoles.mine
        if thread.pointee.seen_of != nil, thread.pointee.seen_of != UnsafeRawPointer(change) {
            noteTurn()  // its last turn was in a different session, so anything may have changed
            return .ok
        }
        withPinnedPlayer { settle(roles.overlaps(.vcpu) ? .rest : .release, $0) }
        // While the machine is paused turns do nothing, so none is due.
        if roles.overlaps(.vcpu), !isPlaying, isMachineOn, host.cpusIdle {
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

    /// Sleeps until something changes that this thread hasn't seen. False at the limit.
    func sleep(_ limit: Int64) -> Bool {
        let roles = ThreadRoles.mine
        let held = replay_fair_lock_mine(lock)
        let watchdog = watchdog  // a load begins a new one meanwhile
        watchdog?.beginWait(roles)
        if held { replay_fair_lock_give(lock) }
        let changed = replay_change_wait(change, replay_thread_self().pointee.seen, limit)
        if held { _ = replay_fair_lock_take(lock) }
        watchdog?.endWait(roles)
        noteTurn()
        return changed
    }

    /// From now on, the thread hasn't seen new changes.
    func noteTurn() { noteTurn(replay_change_count(change)) }

    /// In the vCPU's turn. A thread with both roles must still see requests to its I/O side.
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

    /// There is something to do for this thread: makes its next wait return at once.
    func noteOwnNews() { replay_thread_self().pointee.seen = replay_change_count(change) &- 1 }

    /// Nobody notes the end of a warp as a change, so the I/O
    /// side wakes up for it by itself.
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

    /// Runs `body` with this session as the thread's current one, because a main loop
    /// may dispatch on a thread with a different current session.
    package func asCurrent<Result>(_ body: () -> Result) -> Result {
        let before = replay_thread_self().pointee.session
        replay_thread_use(isDefault ? nil : Unmanaged.passUnretained(self).toOpaque())
        defer { replay_thread_use(before) }
        return body()
    }
}
