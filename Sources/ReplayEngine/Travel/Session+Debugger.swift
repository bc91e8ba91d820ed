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
    /// The last request before it: compare with ``Session/lastRequest``.
    package var request: UInt64
}

/// What a debugger in the library sees of the session. Its thread holds no lock when it calls these, except where
/// a comment says so.
extension Session {
    // MARK: It comes and goes

    /// Between configuration and start: begins to listen for a debugger, until the run ends.
    ///
    /// - Parameter isWaitedFor: the machine is paused before its first instruction.
    /// - Parameter listen: returns what ends the debugger's thread, which is called without the lock.
    package func listenForDebugger(
        isWaitedFor: Bool, _ listen: () throws(ReplayError) -> (@Sendable () -> Void)
    ) -> Status {
        if let forkRefusal { return forkRefusal }
        let status: Status? = preparation.visit {
            guard travel.onEnd.withLock({ $0.call == nil }) else {
                return misuse(.wrongState, "replay_gdb_listen was called twice")
            }
            do throws(ReplayError) {
                let end = try listen()
                travel.onEnd.withLock { $0.call = end }
            } catch {
                return note(error)
            }
            travel.pausesAtStart = isWaitedFor
            return .ok
        }
        return status
            ?? misuse(
                .wrongState,
                "replay_gdb_listen must be called between replay_configure() and replay_start()")
    }

    /// A message for the user.
    package func tellUser(_ text: String) { host.message(.info, text) }
    package func warnUser(_ text: String) { host.message(.warning, text) }

    /// - Parameter onPause: called with the replay lock held when the machine is paused.
    package func attachDebugger(onPause: @escaping @Sendable () -> Void) {
        _ = shared.debuggers.add(1, ordering: .relaxed)
        travel.onPause.withLock { $0.call = onPause }
    }

    /// The machine runs on.
    ///
    /// - Parameter onPause: called with the replay lock held when the machine is paused without a debugger.
    package func detachDebugger(onPause: @escaping @Sendable () -> Void) {
        travel.onPause.withLock { $0.call = onPause }
        _ = shared.debuggers.subtract(1, ordering: .relaxed)
        if !isStarted { travel.inbox.withLock { $0.request = nil } }
        if isStarted { post(.resume) }
    }

    /// Pauses the machine, before its first instruction if it hasn't started.
    package func pauseForDebugger() { post(.pause) }

    /// The number of requests so far. A ``debuggerStop`` with a smaller one was before the last request.
    package var lastRequest: UInt64 { travel.inbox.withLock { $0.number } }

    package var isDebuggerAttached: Bool { shared.debuggers.load(ordering: .relaxed) > 0 }

    // MARK: The machine

    /// Nil while the machine runs.
    package var debuggerStop: DebuggerStop? { travel.pause.withLock { $0 } }

    /// Can the machine go back?
    package var goesBack: Bool { isPlaying && host.savesState }

    /// Runs `body` if the machine is paused, and keeps it so meanwhile. Nil: it runs. `body` may call the host,
    /// which may not end the session there.
    package func whilePaused<Result>(_ body: () -> Result) -> Result? {
        isIdle ? (isHalted ? calling(body) : nil) : withLock { isHalted ? calling(body) : nil }
    }

    /// Asks at a hit whether the breakpoint counts, on the vCPU thread with the lock held. Nil: all
    /// count.
    package func countHits(if counts: ((BreakKind, UInt64) -> Bool)?) {
        let isMet = counts.map { counts in
            { (kind: BreakKind.RawValue, address: UInt64) in
                BreakKind(rawValue: kind).map { counts($0, address) } ?? true
            }
        }
        travel.counts.withLock { $0.isMet = isMet }
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

    /// The snapshots in memory and in the file, one in each line. Within ``whilePaused(_:)``.
    package var snapshotDescription: String {
        guard let snapshots = travel.snapshots else {
            return "no snapshots\(travel.obstacle.map { ": \($0)" } ?? "")"
        }
        let facts = snapshots.statistics
        snapshots.refresh()
        let lines = snapshots.labels.map { "icount \($0.place.icount), event \($0.place.event)" }
        let count = "\(lines.count) snapshot\(lines.count == 1 ? "" : "s")"
        let stored = lines.count > facts.count ? ", \(lines.count &- facts.count) only in the file" : ""
        let head = "\(count), \(facts.bytes) bytes in memory, \(facts.dropped) dropped\(stored)"
        return ([head] + lines).joined(separator: "\n")
    }
}
