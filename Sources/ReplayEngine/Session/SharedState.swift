import CReplay
import ReplayLog
import Synchronization

/// What any thread may read or set without the replay lock.
package struct SharedState: ~Copyable {
    /// The place in the run: instructions at the last accounting, and events written or consumed. Only the owner
    /// of the lock writes them.
    let icount = Atomic<UInt64>(0)
    let events = Atomic<UInt64>(0)

    /// The raw value of ``Mode``. Written at configuration and end only.
    let mode = Atomic<Int32>(Mode.none.rawValue)
    let isConfigured = Atomic<Bool>(false)
    let isStarted = Atomic<Bool>(false)
    /// The run is ending: what is posted now waits for the thread that ends it.
    let isEnding = Atomic<Bool>(false)
    /// Stays set after a divergence or a failure of the log: calls return neutral values.
    let hasFailed = Atomic<Bool>(false)
    /// ``Options/lint``.
    let lints = Atomic<Bool>(false)
    /// RECORD: what writes small events, if calls may use their fast path: nothing has failed, lint mode is off,
    /// and no thread with both roles is in its I/O turn. Only the owner of the lock may use it.
    let quickEncoder = Atomic<UnsafeMutablePointer<EventEncoder>?>(nil)
    /// The same for PLAY.
    let quickPlayer = Atomic<Unmanaged<Player>?>(nil)

    /// Real time is counted from here.
    let epoch = Atomic<Int64>(replay_monotonic_ns())
    /// PLAY: the furthest place that was reached before the replay went to a different one; 0: it never did.
    let furthestIcount = Atomic<UInt64>(0)
    let furthestEvents = Atomic<UInt64>(0)
    let eventsEnabled = Atomic<Bool>(false)
    /// The vCPU thread has asked the I/O thread for a turn, which it hasn't taken yet.
    let askedForWarp = Atomic<Bool>(false)
    /// The machine was paused at the last turn.
    let isPaused = Atomic<Bool>(false)
    /// The library pauses the machine.
    let isHalted = Atomic<Bool>(false)
    /// A journey back is under way.
    let goesBack = Atomic<Bool>(false)
    /// Debuggers that are attached.
    let debuggers = Atomic<Int>(0)
    /// Where the vCPU thread looks at breaks, journeys and snapshots; 0: at once.
    let stopIcount = Atomic<UInt64>(.max)
    /// PLAY: where a break is set; the largest number: nowhere.
    let breakIcount = Atomic<UInt64>(.max)
    /// PLAY: the first place that can be reached.
    let firstIcount = Atomic<UInt64>(0)
    /// The snapshots that exist.
    let snapshots = Atomic<UInt32>(0)
    /// Real time of the last completion that was queued.
    let lastCompletion = Atomic<Int64>(.min)
    /// Threads that have made this session current.
    package let pushes = Atomic<Int>(0)

    /// From now on every call takes the path that checks everything.
    func endQuickPaths() {
        quickEncoder.store(nil, ordering: .relaxed)
        quickPlayer.store(nil, ordering: .relaxed)
    }

    /// Resets everything except the number of threads that have made the session current.
    func reset() {
        icount.store(0, ordering: .relaxed)
        events.store(0, ordering: .relaxed)
        isConfigured.store(false, ordering: .releasing)
        isStarted.store(false, ordering: .releasing)
        isEnding.store(false, ordering: .releasing)
        hasFailed.store(false, ordering: .relaxed)
        lints.store(false, ordering: .relaxed)
        endQuickPaths()
        furthestIcount.store(0, ordering: .relaxed)
        furthestEvents.store(0, ordering: .relaxed)
        eventsEnabled.store(false, ordering: .relaxed)
        askedForWarp.store(false, ordering: .relaxed)
        isPaused.store(false, ordering: .relaxed)
        isHalted.store(false, ordering: .relaxed)
        goesBack.store(false, ordering: .relaxed)
        debuggers.store(0, ordering: .relaxed)
        stopIcount.store(.max, ordering: .relaxed)
        breakIcount.store(.max, ordering: .relaxed)
        firstIcount.store(0, ordering: .relaxed)
        snapshots.store(0, ordering: .relaxed)
        lastCompletion.store(.min, ordering: .relaxed)
    }
}

extension Session {
    /// Instructions at the last accounting, for the owner of the lock; ``icountSeen`` is for all others.
    var icount: UInt64 {
        @inline(__always) get { shared.icount.load(ordering: .relaxed) }
        @inline(__always) set { shared.icount.store(newValue, ordering: .relaxed) }
    }
    /// Events written or consumed.
    var events: UInt64 {
        @inline(__always) get { shared.events.load(ordering: .relaxed) }
        @inline(__always) set { shared.events.store(newValue, ordering: .relaxed) }
    }
    var icountSeen: UInt64 { icount }
    var eventsSeen: UInt64 { events }

    package var mode: Mode {
        // Acquiring, so that what was initialised before the mode was set is visible.
        @inline(__always) get { Mode(rawValue: shared.mode.load(ordering: .acquiring)) ?? .none }
    }
    @inline(__always) var isRecording: Bool { shared.mode.load(ordering: .acquiring) == Mode.record.rawValue }
    @inline(__always) var isPlaying: Bool { shared.mode.load(ordering: .acquiring) == Mode.play.rawValue }
    @inline(__always) var isIdle: Bool { shared.mode.load(ordering: .acquiring) == Mode.none.rawValue }

    var hasFailed: Bool {
        @inline(__always) get { shared.hasFailed.load(ordering: .relaxed) }
        set {
            shared.hasFailed.store(newValue, ordering: .relaxed)
            if newValue { shared.endQuickPaths() }
        }
    }
    var isConfigured: Bool {
        get { shared.isConfigured.load(ordering: .acquiring) }
        set { shared.isConfigured.store(newValue, ordering: .releasing) }
    }
    var isStarted: Bool {
        get { shared.isStarted.load(ordering: .acquiring) }
        set { shared.isStarted.store(newValue, ordering: .releasing) }
    }
}
