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
        if let status = refusal(ofOnlooker: function) { return status }
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

    /// With the lock held: the call would change the run, in a callback that must not do that.
    private func refusal(ofOnlooker function: StaticString) -> Status? {
        // The callback may have released the lock, and then another thread makes the call.
        guard let onlooker = course.onlooker, isCalling else { return nil }
        return misuse(.reentered, "\(function) was called from within \(onlooker.rule)")
    }

    /// Like ``refusal(_:_:)``, for calls that need the lock but no role.
    ///
    /// - Parameter isReading: the call changes nothing.
    func refusalWithoutRole(_ function: StaticString, isReading: Bool = false) -> Status? {
        if isIdle { return nil }
        guard replay_fair_lock_mine(lock) else { return lockIsNotHeld(function) }
        return isReading ? nil : refusal(ofOnlooker: function)
    }

    /// Like ``refusal(_:_:)``, for a request of a disk, which load_state may submit again.
    func refusalOfRequest(_ function: StaticString) -> Status? {
        if replay_fair_lock_mine(lock), course.resubmissions != nil { return nil }
        return refusal(.either, function)
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
