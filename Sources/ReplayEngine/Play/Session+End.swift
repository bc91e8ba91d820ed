import ReplayLog

/// PLAY: the end of the log, and events that the host needn't reach any more.
extension Session {
    // MARK: The end

    /// PLAY: handles the end of the log, once.
    @discardableResult
    func reachEnd(_ player: Player) -> Status {
        guard !player.endIsReported, let ending = player.ending else { return failure }
        if staysHere() || goesLive(player.endDescription) { return .ok }
        player.endIsReported = true
        publishNothingDue()
        watchdog?.noteEnd()
        let place = "icount \(icount), event \(player.nextIndex)"
        switch ending {
        case .finished(let end): return finishReplay(end)
        case .cut(let reason):
            let sentence = "the recording was cut after \(place): \(reason)"
            return fail(ReplayError(.logCut, sentence, at: self), .cut)
        case .damaged(let error):
            var failure = ReplayError(.logDamaged, "the replay ends at \(place): \(error.message)", at: self)
            failure.status = ReplayError(error).status
            failure.systemError = error.errno
            return fail(failure, .logError)
        }
    }

    /// PLAY: everything was replayed; compares the final state.
    private func finishReplay(_ end: LogEnd) -> Status {
        if end.hasDigest, host.hasDigest {
            let digest = digestOfHost()
            if digest != end.digest { return differentDigest(digest, end.digest) }
        }
        stopMachine(.end, nil)
        wakeIO()
        return .ok
    }

    @discardableResult
    func differentDigest(_ found: UInt64, _ recorded: UInt64) -> Status {
        diverge(
            "the state's digest \(found.asHex)", status: .digest,
            expected: "the state's digest \(recorded.asHex)")
    }

    // MARK: After the last shutdown

    /// PLAY, when the host ends the run before the log's end: did the recording have the remaining events only
    /// after the shutdown that ended it? Then they needn't be replayed.
    /// Compares the state as far as it must still match.
    func endsAtShutdown(_ player: Player) -> Bool {
        guard let cause = player.lastShutdown, !player.endIsReported else { return false }
        switch player.reader.state {
        case .finished(let end) where end.cause == UInt32(bitPattern: cause.rawValue) || !cause.isReset: break
        case .died where !cause.isReset: break
        default: return false
        }
        // The guest went past an event's place without that event, so it left the recording.
        guard host.icount <= player.nextIcount else { return false }
        var isSameGuest = host.hasDigest
        while let rule = player.nextRule {
            if rule.way == .shutdown { return false }
            if player.next.icount > icount || !rule.leavesGuestAlone { isSameGuest = false }
            if isSameGuest, rule.way == .digest, !isState(player.next.digest) { return true }
            player.consume()
        }
        if case .finished(let end)? = player.ending {
            player.endIsReported = true
            if isSameGuest, end.hasDigest, end.icount == icount { _ = isState(end.digest) }
        } else {
            reachEnd(player)
        }
        return true
    }

    /// False: a divergence.
    private func isState(_ recorded: UInt64) -> Bool {
        let digest = digestOfHost()
        if digest != recorded { differentDigest(digest, recorded) }
        return digest == recorded
    }
}
