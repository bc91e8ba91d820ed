import CReplay
import ReplayLog
import ReplaySystem
import Synchronization

/// Why the machine is paused, as a debugger wants to know it.
package struct DebuggerStop: Equatable, Sendable {
    package var reason: PauseReason
    /// The breakpoint or watchpoint, if that is the reason.
    package var kind: BreakKind?
    package var address: UInt64
}

/// What a debugger in the library sees of the session. Its thread holds no lock when it calls these, except where
/// a comment says so.
extension Session {
    // MARK: It comes and goes

    /// Between configuration and start: the machine is paused before its first instruction.
    package func pauseAtStart() { travel.pausesAtStart = true }

    /// - Parameter onPause: called with the replay lock held when the machine is paused.
    package func attachDebugger(onPause: @escaping @Sendable () -> Void) {
        _ = shared.debuggers.add(1, ordering: .relaxed)
        travel.onPause.withLock { $0 = onPause }
    }

    /// The machine runs on.
    package func detachDebugger() {
        travel.onPause.withLock { $0 = nil }
        _ = shared.debuggers.subtract(1, ordering: .relaxed)
        if isStarted { post(.resume) }
    }

    package var isDebuggerAttached: Bool { shared.debuggers.load(ordering: .relaxed) > 0 }

    /// Called when the run ends, by a thread that doesn't hold the lock: no call of the debugger's may come
    /// after it.
    package func whenRunEnds(_ body: @escaping @Sendable () -> Void) { travel.onEnd.withLock { $0 = body } }

    // MARK: The machine

    /// Nil while the machine runs.
    package var debuggerStop: DebuggerStop? { travel.pause.withLock { $0 } }

    /// Can the machine go back?
    package var goesBack: Bool { isPlaying && host.savesState }

    /// Runs `body` if the machine is paused, and keeps it so meanwhile. Nil: it runs.
    package func whilePaused<Result>(_ body: () -> Result) -> Result? {
        isIdle ? (isHalted ? body() : nil) : withLock { isHalted ? body() : nil }
    }

    /// Asks at a hit whether the breakpoint counts, on the vCPU thread with the lock held. Call within
    /// ``whilePaused(_:)``.
    package func countHits(if counts: ((BreakKind, UInt64) -> Bool)?) {
        travel.counts = counts.map { counts in
            { kind, address in BreakKind(rawValue: kind).map { counts($0, address) } ?? true }
        }
    }

    // MARK: What it reports

    /// "record, icount 5, event 3"
    package var placeDescription: String {
        let mode = isIdle ? "none" : isRecording ? "record" : "play"
        let icount = isIdle ? host.icount : icountSeen
        return "mode \(mode), icount \(icount), event \(eventsSeen)"
    }

    /// The next events of the log from here, one in each line. Within ``whilePaused(_:)``.
    package func upcomingEvents(_ count: Int) -> String {
        guard let player else { return "" }
        do throws(LogError) {
            return try player.upcoming(count).joined(separator: "\n")
        } catch {
            return error.message
        }
    }

    /// The snapshots in memory, one in each line. Within ``whilePaused(_:)``.
    package var snapshotDescription: String {
        guard let snapshots = travel.snapshots else {
            return "no snapshots\(travel.obstacle.map { ": \($0)" } ?? "")"
        }
        let facts = snapshots.statistics
        snapshots.refresh()
        let lines = snapshots.labels.map { "icount \($0.place.icount), event \($0.place.event)" }
        let head = "\(facts.count) snapshots, \(facts.bytes) bytes, \(facts.dropped) dropped"
        return ([head] + lines).joined(separator: "\n")
    }
}
