import CReplay
import ReplaySystem
import Synchronization

/// The threads that are in ``Session/run()``, and whether they must leave it.
final class Runners: Sendable {
    private struct Runner {
        var thread: UInt
        var isVCPU: Bool
    }
    private let runners = Locked<[Runner]>([])
    /// Stays until the session is configured again.
    let areStopped = Atomic<Bool>(false)

    enum Refusal { case sameThread, secondVCPU }

    func enter(_ thread: UInt, isVCPU: Bool) -> Refusal? {
        runners.withLock { runners in
            if runners.contains(where: { $0.thread == thread }) { return .sameThread }
            if isVCPU, runners.contains(where: \.isVCPU) { return .secondVCPU }
            runners.append(Runner(thread: thread, isVCPU: isVCPU))
            return nil
        }
    }

    func leave(_ thread: UInt) { runners.withLock { $0.removeAll { $0.thread == thread } } }

    func contains(_ thread: UInt) -> Bool {
        runners.withLock { runners in runners.contains { $0.thread == thread } }
    }
}

/// The loop for a host that has `execute`: turn, budget, wait, account.
extension Session {
    /// Short enough for a thread that waits for the lock, long enough to cost little.
    private static let slice: UInt64 = 10_000
    /// Real ns. Every change wakes the thread; this limit is for hosts that forget replay_notify().
    private static let longestRest: Int64 = 100_000_000
    private static let restWithoutProgress: Int64 = 10_000_000
    /// A kick may end a slice before its first instruction, but not this often in a row.
    private static let mostEmptySlices = 20

    package func turn() -> Status {
        if let refusal = refusal(.either, "replay_turn") { return refusal }
        let roles = ThreadRoles.mine.bits == 0 ? .either : ThreadRoles.mine
        let io = roles.overlaps(.io) ? startWarp() : .ok
        let vcpu = roles.overlaps(.vcpu) ? accountWarp() : .ok
        return io == .ok ? vcpu : io
    }

    package func run() -> Status {
        guard isStarted else {
            return hasFailed ? failure : misuse(.wrongState, "replay_run was called before replay_start")
        }
        if isInCallback {
            return misuse(.reentered, "replay_run was called from within a callback of the host")
        }
        let thread = replay_thread_self()
        if thread.pointee.roles == 0 {
            thread.pointee.roles = ThreadRoles.either.bits
            noteThread()
        }
        let isVCPU = ThreadRoles.mine.overlaps(.vcpu)
        guard host.executes || !isVCPU else {
            return misuse(.invalidArgument, "replay_run needs the callback execute in the host's table")
        }
        switch runners.enter(UInt(bitPattern: thread), isVCPU: isVCPU) {
        case .sameThread?:
            return misuse(.reentered, "replay_run was called from within one of its own callbacks")
        case .secondVCPU?: return misuse(.wrongRole, "replay_run was called by a second vCPU thread")
        case nil: break
        }
        defer { runners.leave(UInt(bitPattern: thread)) }
        noteTurn()
        // As everywhere, the lock does nothing in mode NONE.
        return isIdle ? loop(isVCPU) : withLock { loop(isVCPU) }
    }

    private func loop(_ isVCPU: Bool) -> Status {
        var emptySlices = 0
        if !areRunnersStopped, travel.inbox.withLock({ $0.request?.isJourney ?? false }) { reopen() }
        while mayRunOn { if isVCPU { runSlice(&emptySlices) } else { runMainLoop() } }
        withPinnedPlayer { takeLastEvents($0, isVCPU) }
        if isVCPU, isRecording, areRunnersStopped { flushBeforeReturn() }
        return hasFailed ? failure : .ok
    }

    /// Has replay_run_stop() ended the loops of this session?
    var areRunnersStopped: Bool { runners.areStopped.load(ordering: .acquiring) }

    /// RECORD: what is queued reaches the guest before replay_run() returns, so that the state which a host with one
    /// thread has then is the final one. PLAY does it in ``takeLastEvents(_:_:)``.
    private func flushBeforeReturn() {
        for _ in 0..<Self.mostRounds where queue.inbox.count > 0 {
            if hasFailed, !options.goOnWhenFull { return }
            flushQueue(.turn)
        }
    }

    /// PLAY: while recording, a main loop may have iterated once more at the place where it
    /// stopped. Replays what it wrote there, without an instruction.
    private func takeLastEvents(_ player: Player, _ isVCPU: Bool) {
        var index: UInt64
        repeat {
            index = player.nextIndex
            if hasFailed || player.endIsReported { return }
            _ = turn()
            if isVCPU { inHost { host.interrupt() } }
        } while player.nextIndex != index
    }

    package func stopRun() -> Status {
        if let forkRefusal { return forkRefusal }
        guard isConfigured else {
            return misuse(.wrongState, "replay_run_stop was called without a session to stop")
        }
        runners.areStopped.store(true, ordering: .releasing)
        wakeVCPU()
        wakeIO()
        return .ok
    }

    private var mayRunOn: Bool {
        if areRunnersStopped { return false }
        if let isOver = withPlayer({ $0.endIsReported }) { return !hasFailed && !isOver }
        return !hasFailed || options.goOnWhenFull
    }

    private func runSlice(_ emptySlices: inout Int) {
        if shared.stopIcount.load(ordering: .relaxed) <= host.icount { reachStop(isAccounted: false) }
        guard machineRuns else { return rest(Self.longestRest) }
        _ = turn()
        inHost { host.interrupt() }
        guard mayRunOn else { return }
        let before = host.icount
        let instructions = budget(host.cpusIdle ? 0 : Self.slice)
        guard instructions > 0 else {
            _ = wait(Self.longestRest)
            return
        }
        let watchdog = watchdog
        watchdog?.beginSlice()
        host.execute(instructions)
        watchdog?.endSlice()
        _ = accountExecuted()
        // If the guest executes nothing although the host says that it is awake, the thread must not spin.
        if host.icount == before {
            emptySlices += 1
            if emptySlices == Self.mostEmptySlices { lintEmptySlices() }
            rest(Self.restWithoutProgress)
        } else {
            emptySlices = 0
            yieldLock()
        }
    }

    private func runMainLoop() {
        guard machineRuns else { return rest(Self.longestRest) }
        _ = turn()
        if mayRunOn { _ = wait(-1) }
    }

    /// Waits for a change, even if something is due, because this thread can't handle it now.
    private func rest(_ limit: Int64) {
        if replay_thread_self().pointee.seen_of != UnsafeRawPointer(change) { noteTurn() }
        _ = sleep(limit)
    }
}
