import CReplay
import ReplayLog
import Synchronization

/// The library pauses the machine and lets it run.
extension Session {
    /// Does neither the library nor the host pause the machine? From any thread.
    var isMachineOn: Bool { !isHalted && host.machineRunning }

    var isHalted: Bool { shared.isHalted.load(ordering: .relaxed) }

    /// PLAY: must the machine pause where the log ends, instead of ending?
    var staysAtEnd: Bool {
        shared.debuggers.load(ordering: .relaxed) > 0 || isHalted || travel.isUnderWay || isAskedToStay
    }

    /// Was a pause or a journey asked for that hasn't begun?
    private var isAskedToStay: Bool { !travel.isOver && travel.inbox.withLock(\.holdsMachine) }

    /// PLAY: a journey that is asked for after the end of the log goes on from there.
    func reopen() { withPlayer { $0.endIsReported = false } }

    /// Pauses the machine here. In PLAY nothing is taken from the log until it runs again.
    func halt(_ reason: PauseReason) {
        if isHalted { return }
        shared.isHalted.store(true, ordering: .relaxed)
        stopGoingBack()
        withPlayer { $0.freeze() }
        publishNothingDue()
        let hit = travel.hit
        travel.pause.withLock {
            $0 = DebuggerStop(
                reason: reason, kind: hit.flatMap { BreakKind(rawValue: $0.kind) },
                address: hit?.address ?? 0, request: travel.taken)
        }
        travel.endJourney()
        publishSnapshotCount()
        updateStop()
        wakeIO()
        inHost { host.paused(reason) }
        travel.onPause.withLock { $0 }.call?()
    }

    /// The machine is asked to pause where it is paused already.
    func confirmHalt() {
        travel.pause.withLock {
            $0?.reason = .request
            $0?.request = travel.taken
        }
        travel.onPause.withLock { $0 }.call?()
    }

    /// The journey that is under way ends without a pause, because the machine has been taken elsewhere.
    func abandonJourney() {
        travel.endJourney()
        stopGoingBack()
    }

    private func stopGoingBack() {
        travel.inbox.withLock {
            shared.goesBack.store($0.request?.isBackward ?? false, ordering: .relaxed)
        }
    }

    /// Lets the machine run from here.
    func unhalt() {
        let stop = travel.pause.withLock { pause in
            defer { pause = nil }
            return pause
        }
        travel.resumedAt = (host.icount, stop?.kind?.isWatch ?? false)
        guard isHalted else { return }
        shared.isHalted.store(false, ordering: .relaxed)
        withPlayer { player in
            player.thaw()
            publishNext(player)
        }
        wakeIO()
        wakeVCPU()
    }

    /// PLAY: the log ends here, or switches the machine off. - Returns: is the machine paused instead?
    func staysHere() -> Bool {
        guard staysAtEnd else { return false }
        // It begins before the next slice.
        if isAskedToStay { return true }
        // A search that began here has come to its end: the next budget goes on with it.
        if case .search(let search) = travel.goal, icount >= search.end { return true }
        if !mustStepFurtherBack { halt(.end) }
        return true
    }
}
