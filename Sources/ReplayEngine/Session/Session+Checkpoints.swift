import CReplay
import ReplayLog

/// Checkpoints, digests, and what may be next.
extension Session {
    package func checkpoint(_ id: Int32) -> Bool {
        if isIdle { return true }
        guard let kind = Self.kind(ofCheckpoint: id) else {
            misuse(.invalidArgument, "checkpoint \(id) does not exist")
            return false
        }
        if refusal(.either, "replay_checkpoint") != nil { return false }
        if isRecording {
            let written = write(kind, kind.usualRole)
            noteCheckpoint()
            return written || options.goOnWhenFull
        }
        guard let player = hotPlayer else { return false }
        return player._withUnsafeGuaranteedRef { playCheckpoint(kind, $0) }
    }

    @inline(__always)
    private func playCheckpoint(_ kind: EventKind, _ player: Player) -> Bool {
        guard accountForPlaying(host.icount, player) else { return false }
        if player.isNext(kind, at: state.icount), ThreadRoles.mine.has(player.next.role) {
            consume(player)
            return true
        }
        refused(kind, player)
        return false
    }

    /// RECORD: for the lint mode.
    func noteCheckpoint() { if ThreadRoles.mine == .io { lastIOCheckpoint = state.icount } }

    /// A checkpoint was asked for that is not next. Most are asked for again and
    /// again; INIT and RESET stand where the host's own course puts them.
    @inline(never)
    private func refused(_ kind: EventKind, _ player: Player) {
        noteAsked(kind)
        guard kind == .checkpointInit || kind == .checkpointReset else { return }
        diverge("\(kind.name) by \(ThreadRoles.mine.description)")
    }

    package func hasEvent() -> Bool {
        guard isPlaying, refusalInRun(.either, "replay_has_event") == nil, let player,
            accountForPlaying(host.icount, player)
        else { return false }
        if player.ending == nil, player.nextIcount == state.icount, let kind = player.next.knownKind,
            kind.isCheckpoint || kind.isAsynchronous
        {
            return true
        }
        replay_watch_ask(watch, ThreadRoles.mine.bits)
        return false
    }

    static func kind(ofCheckpoint id: Int32) -> EventKind? {
        guard (0..<Int32(REPLAY_CHECKPOINT_COUNT)).contains(id) else { return nil }
        return EventKind(
            rawValue: EventKind.checkpointClockWarpStart.rawValue &+ UInt8(truncatingIfNeeded: id))
    }

    // MARK: Digests

    /// A digest that the host computed at this place.
    package func digest(_ value: UInt64) -> Status {
        if isIdle { return .ok }
        if let refusal = refusal(.either, "replay_digest") { return refusal }
        if hasFailed { return failure }
        if isRecording {
            return status(ofWriting: write(.hostDigest, .vcpu, Int64(bitPattern: value)))
        }
        guard let player, accountForPlaying(host.icount, player) else { return failure }
        if !player.isNext(.hostDigest, at: state.icount) { passOver(player) }
        guard player.isNext(.hostDigest, at: state.icount) else { return diverge("a digest of the host's") }
        return compare(value, player)
    }

    /// vCPU's turn: the digest that is due every so many instructions.
    func takeDigestInTurn() {
        digestTaker = .turn
        takeDigest()
    }

    /// The same for a host that takes no turns. In one that does, a flush may stand within an instruction.
    func takeDigestAtFlush() {
        if isIdle || digestTaker == .turn { return }
        digestTaker = .flush
        if isRecording {
            guard accountForWriting(host.icount) != nil else { return }
        } else if let player, !accountForPlaying(host.icount, player) {
            return
        }
        takeDigest()
    }

    private func takeDigest() {
        if isRecording {
            guard state.icount >= state.nextDigest else { return }
            _ = write(.digest, .vcpu, Int64(bitPattern: digestOfHost()))
            // Written or not: a guest that goes on unrecorded does not wait for it.
            advanceDigest()
        } else if let player, player.isNext(.digest, at: state.icount) {
            guard host.hasDigest else { return consume(player) }
            if compare(digestOfHost(), player) == .ok { advanceDigest() }
        }
    }

    /// Asks the host. Its callback only looks: a call that would add to the log, or take from it, is
    /// refused meanwhile, because the thread has no role.
    func digestOfHost() -> UInt64 {
        let thread = replay_thread_self()
        let roles = thread.pointee.roles
        thread.pointee.roles = 0
        isInDigest = true
        defer {
            thread.pointee.roles = roles
            isInDigest = false
        }
        return inHost { host.digest() }
    }

    /// RECORD, at the end: an option without effect.
    func reportUnusedDigestInterval() {
        guard isRecording, isStarted, digestTaker == .nobody, options.digestInterval > 0 else { return }
        host.message(
            REPLAY_MESSAGE_WARNING,
            "rrdigest=\(options.digestInterval) had no effect: neither replay_account_warp_timer nor replay_async_events was called"
        )
    }

    private func advanceDigest() {
        let interval = options.digestInterval
        guard interval > 0 else { return }
        let (next, overflow) = (state.icount / interval &+ 1).multipliedReportingOverflow(by: interval)
        state.nextDigest = overflow ? .max : next
    }

    private func compare(_ found: UInt64, _ player: Player) -> Status {
        let recorded = UInt64(bitPattern: player.next.a)
        guard found == recorded else { return differentDigest(found, recorded) }
        consume(player)
        state.sameDigest = state.icount
        return .ok
    }
}

/// What takes the digests of a run.
enum DigestTaker { case nobody, turn, flush }
