import CReplay
import ReplayLog
import Synchronization

/// PLAY: stopping at an icount, and the ground that was covered before.
extension Session {
    // MARK: Break

    package func setBreak(
        _ icount: UInt64, _ callback: @escaping Callback, _ opaque: UnsafeMutableRawPointer?
    ) -> Status {
        let function: StaticString = "replay_break"
        guard isStarted || isIdle else {
            return misuse(.wrongState, "\(function) was called before replay_start()")
        }
        let (player, status) = playing(function)
        guard let player else { return status }
        guard icount >= self.icount else {
            return misuse(
                .invalidArgument, "a break at icount \(icount) is before the replay, at \(self.icount)")
        }
        player.setBreak(icount, callback, opaque)
        updateStop()
        // The vCPU thread may have a budget that goes further.
        wakeVCPU()
        return .ok
    }

    package func deleteBreak() -> Status {
        let function: StaticString = "replay_delete_break"
        guard isPlaying else { return misuse(.wrongMode, "\(function) was called while not replaying") }
        if let refusal = refusalInRun(.either, function) { return refusal }
        player?.deleteBreak()
        updateStop()
        return .ok
    }

    /// PLAY: the vCPU has come to the break, or past it.
    func reachBreak(_ player: Player) {
        guard icount >= player.breakIcount, let (callback, opaque) = player.takeBreak() else { return }
        shared.breakIcount.store(.max, ordering: .relaxed)
        inHost { callback(opaque) }
    }

    // MARK: Output

    /// From any thread that may ask for the icount.
    package var isOutputDue: Bool {
        let furthest = shared.furthestIcount.load(ordering: .relaxed)
        guard furthest > 0, isPlaying, !isForked else { return true }
        let icount = host.icount
        return icount > furthest
            || icount == furthest && eventsSeen > shared.furthestEvents.load(ordering: .relaxed)
    }

    /// PLAY goes to a different place: what was reached until now is known.
    func noteFurthest(_ reached: (icount: UInt64, events: UInt64)) {
        let furthest = (
            shared.furthestIcount.load(ordering: .relaxed), shared.furthestEvents.load(ordering: .relaxed)
        )
        guard reached > furthest else { return }
        shared.furthestIcount.store(reached.icount, ordering: .relaxed)
        shared.furthestEvents.store(reached.events, ordering: .relaxed)
    }
}
