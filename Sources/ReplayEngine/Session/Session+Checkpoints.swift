import CReplay
import ReplayLog

/// Checkpoints, digests, and replay_has_event().
extension Session {
    package func checkpoint(_ id: Int32) -> Bool {
        if isIdle { return true }
        guard let kind = Self.kind(ofCheckpoint: id) else {
            misuse(.invalidArgument, "checkpoint \(id) does not exist")
            return false
        }
        if refusal(.either, "replay_checkpoint") != nil { return false }
        if isRecording {
            let written = write(kind)
            noteCheckpoint()
            return written || options.goOnWhenFull
        }
        return withPlayer { take(kind, $0) } ?? false
    }

    /// RECORD: for the lint mode.
    func noteCheckpoint() {
        if ThreadRoles.mine == .io { hotRecorder?._withUnsafeGuaranteedRef { $0.lastIOCheckpoint = icount } }
    }

    package func hasEvent() -> Bool {
        guard isPlaying, refusalInRun(.either, "replay_has_event") == nil else { return false }
        return withPlayer { player in
            guard accountForPlaying(host.icount, player) else { return false }
            let way = dueRule(player)?.way
            if way == .checkpoint || way == .flush { return true }
            replay_watch_ask(watch, ThreadRoles.mine.bits)
            return false
        } ?? false
    }

    static func kind(ofCheckpoint id: Int32) -> EventKind? {
        let (first, last) = (EventKind.checkpointClockWarpStart.rawValue, EventKind.checkpointReset.rawValue)
        guard (0...Int32(last &- first)).contains(id) else { return nil }
        return EventKind(rawValue: first &+ UInt8(truncatingIfNeeded: id))
    }

    // MARK: Digests

    /// Takes a digest that the host computed at this place.
    package func digest(_ value: UInt64) -> Status {
        if isIdle { return .ok }
        if let refusal = refusal(.either, "replay_digest") { return refusal }
        if hasFailed { return failure }
        if isRecording {
            return status(ofWriting: write(.hostDigest(value)))
        }
        guard let player, accountForPlaying(host.icount, player) else { return failure }
        guard mayTake(.hostDigest, player) else { return failure }
        return compare(value, player)
    }

    /// In the vCPU's turn: takes the digest that is due every N instructions.
    func takeDigestInTurn() {
        course.digestTaker = .turn
        takeDigest()
    }

    /// The same for a host that takes no turns. In one that does, a flush may be in the middle of an instruction.
    func takeDigestAtFlush() {
        if isIdle || course.digestTaker == .turn { return }
        course.digestTaker = .flush
        if isRecording {
            guard accountForWriting(host.icount) != nil else { return }
        } else if withPlayer({ accountForPlaying(host.icount, $0) }) == false {
            return
        }
        takeDigest()
    }

    private func takeDigest() {
        if isRecording {
            guard icount >= state.nextDigest else { return }
            _ = write(.digest(digestOfHost()))
            // Even if it wasn't written, because a guest that continues unrecorded doesn't wait for it.
            advanceDigest()
        } else {
            withPinnedPlayer { player in
                guard isMine(.digest, player) else { return }
                guard host.hasDigest else { return consume(player) }
                if compare(digestOfHost(), player) == .ok { advanceDigest() }
            }
        }
    }

    /// Calls the host's digest callback. It must not change anything: a call that would write or consume events is
    /// refused meanwhile, because the thread has no role.
    func digestOfHost() -> UInt64 { onlooking(.digest) { host.digest() } }

    /// Calls the host where it must not change the run: without roles, so that such calls are refused.
    func onlooking<Result>(_ onlooker: Onlooker, _ work: () -> Result) -> Result {
        let thread = replay_thread_self()
        let roles = thread.pointee.roles
        thread.pointee.roles = 0
        course.onlooker = onlooker
        defer {
            thread.pointee.roles = roles
            course.onlooker = nil
        }
        return inHost(work)
    }

    /// RECORD, at the end: warns if rrdigest had no effect.
    func reportUnusedDigestInterval() {
        guard isRecording, isStarted, course.digestTaker == .nobody, options.digestInterval > 0 else {
            return
        }
        host.message(
            .warning,
            "rrdigest=\(options.digestInterval) had no effect: none of replay_account_warp_timer(), replay_turn() and replay_async_events() was called"
        )
    }

    private func advanceDigest() {
        let interval = options.digestInterval
        guard interval > 0 else { return }
        let (next, overflow) = (icount / interval &+ 1).multipliedReportingOverflow(by: interval)
        state.nextDigest = overflow ? .max : next
    }

    private func compare(_ found: UInt64, _ player: Player) -> Status {
        let recorded = player.next.digest
        guard found == recorded else { return differentDigest(found, recorded) }
        consume(player)
        state.sameDigest = icount
        return .ok
    }
}

/// What takes the digests of a run.
enum DigestTaker: UInt8 { case nobody, turn, flush }
