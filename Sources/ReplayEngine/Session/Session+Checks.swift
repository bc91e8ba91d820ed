import CReplay
import ReplaySystem

/// Checks whether a call may use the session's state.
extension Session {
    /// Returns the failure, or nil. In mode NONE neither lock nor role is needed.
    @inline(__always)
    func refusal(_ roles: ThreadRoles, _ function: StaticString) -> Status? {
        if replay_fair_lock_mine(lock) && ThreadRoles.mine.overlaps(roles) { return nil }
        return isIdle ? nil : refuse(roles, function)
    }

    /// Like ``refusal(_:_:)``, for a call that has seen that the session records or replays. A different thread
    /// may have ended the run since: only the lock keeps the log and the player alive.
    @inline(__always)
    func refusalInRun(_ roles: ThreadRoles, _ function: StaticString) -> Status? {
        if replay_fair_lock_mine(lock) && ThreadRoles.mine.overlaps(roles) { return nil }
        return refuse(roles, function)
    }

    @inline(never)
    private func refuse(_ roles: ThreadRoles, _ function: StaticString) -> Status {
        guard replay_fair_lock_mine(lock) else { return lockIsNotHeld(function) }
        let mine = ThreadRoles.mine
        if course.isInDigest {
            return misuse(
                .reentered,
                "\(function) was called from within the digest callback, which must not change anything")
        }
        let wanted =
            mine.bits == 0 ? "a thread that has called replay_thread_attach()" : roles.description
        return misuse(
            .wrongRole, "\(function) was called by \(mine.description), but must be called by \(wanted)")
    }

    private func lockIsNotHeld(_ function: StaticString) -> Status {
        misuse(
            .lockNotHeld,
            "\(function) was called by a thread that does not hold the replay lock: call replay_mutex_lock() first"
        )
    }

    /// Like ``refusal(_:_:)``, for calls that need the lock but no role.
    func refusalWithoutRole(_ function: StaticString) -> Status? {
        if isIdle || replay_fair_lock_mine(lock) { return nil }
        return lockIsNotHeld(function)
    }

    /// PLAY: the player for a call that only a replay may make, after accounting the host's icount. Nil: the
    /// call failed, with the status.
    func playing(_ function: StaticString) -> (Player?, Status) {
        guard isPlaying else {
            return (nil, misuse(.wrongMode, "\(function) was called while not replaying"))
        }
        if let refusal = refusalInRun(.either, function) { return (nil, refusal) }
        guard let player, accountForPlaying(host.icount, player) else { return (nil, failure) }
        return (player, .ok)
    }
}

extension String {
    /// A copy as a file name, which the caller deallocates.
    var asCText: UnsafeMutablePointer<CChar> {
        let bytes = fileBytes
        let text = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count + 1)
        for (index, byte) in bytes.enumerated() { text[index] = CChar(bitPattern: byte) }
        text[bytes.count] = 0
        return text
    }
}
