import CReplay
import Glibc
import ReplayLog
import Synchronization

/// One machine's recording or replay: the class behind the C interface.
///
/// Its state belongs to whoever holds the replay lock; what other threads may
/// touch (inbox, error, change count) guards itself. The extensions follow the
/// headers: instructions, clocks, warp, checkpoints, queue, devices, blocks.
package final class Session: @unchecked Sendable {
    // Sendable: the replay lock, see above.

    private let modeWord = Atomic<Int32>(Int32(REPLAY_MODE_NONE))
    /// REPLAY_MODE_…; written at configuration and end only.
    package internal(set) var mode: Int32 {
        // Acquiring: what was made before the mode was entered is seen with it.
        @inline(__always) get { modeWord.load(ordering: .acquiring) }
        set { modeWord.store(newValue, ordering: .releasing) }
    }
    /// The default session's mode is also the exported variable.
    let isDefault: Bool

    /// The replay lock.
    let lock: UnsafeMutablePointer<replay_fair_lock_t>
    /// Counts what threads in ``wait(_:)`` wait for.
    let change: UnsafeMutablePointer<replay_change_t>
    /// What the threads leave for the watchdog.
    let watch: UnsafeMutablePointer<replay_watch_t>
    let threads = WatchedThreads()
    /// In mode NONE the replay lock does nothing: this one guards ``time`` then. It holds what threads
    /// without the lock see of the clock.
    let clockLock = Locked(VirtualClock())

    private let hosts = HostTables()
    var host: Host {
        @inline(__always) _read { yield hosts.current.pointee }
        set { hosts.set(newValue) }
    }
    var options = Options()
    /// ``Options/lint``, for threads without the lock.
    let lints = Atomic<Bool>(false)
    var state = EngineState()
    /// The counts in ``state``, for threads without the lock: they must not go by the property, which
    /// the owner of the lock changes. nil only while the session is made.
    private var countsPlace: UnsafePointer<EngineState.Counts>?
    var icountSeen: UInt64 { countsPlace?.pointee.icount.load(ordering: .relaxed) ?? 0 }
    var eventsSeen: UInt64 { countsPlace?.pointee.events.load(ordering: .relaxed) ?? 0 }
    var time = EngineTime()
    let inbox = Inbox()
    let errors = ErrorBox()
    /// Warnings that the host has had: each is told once.
    let told = Locked<Set<String>>([])
    /// The thread that is inside the host's stop callback, which may not end the session.
    let stoppingThread = Atomic<UInt>(0)
    private let failed = Atomic<Bool>(false)
    /// Sticky: after a divergence, or when the log is dead, calls answer neutrally.
    var hasFailed: Bool {
        @inline(__always) get { failed.load(ordering: .relaxed) }
        set { failed.store(newValue, ordering: .relaxed) }
    }
    /// PLAY: what failed before the start, until the fingerprint is compared.
    var heldFailure: (error: ReplayError, reason: Int)?

    /// RECORD. The unmanaged form is for the hot path: no reference counting.
    private(set) var writer: LogWriter?
    private(set) var hotWriter: Unmanaged<LogWriter>?
    /// PLAY.
    private(set) var player: Player?
    private(set) var hotPlayer: Unmanaged<Player>?
    var watchdog: Watchdog?

    private let configured = Atomic<Bool>(false)
    var isConfigured: Bool {
        get { configured.load(ordering: .acquiring) }
        set { configured.store(newValue, ordering: .releasing) }
    }
    private let started = Atomic<Bool>(false)
    var isStarted: Bool {
        get { started.load(ordering: .acquiring) }
        set { started.store(newValue, ordering: .releasing) }
    }
    /// The end of the run: what is posted now waits for the thread that ends it.
    let isEnding = Atomic<Bool>(false)
    let eventsEnabled = Atomic<Bool>(false)
    /// What devices say of themselves, from any thread, before the start.
    let preparation = Preparation()
    /// What other threads may know of the run, see ``info``.
    let face = Locked(SessionFace())
    var fingerprint: Fingerprint {
        get { preparation.fingerprint }
        set { preparation.fingerprint = newValue }
    }
    let devices = Devices()
    /// Requests of the host's own block layer that are not yet done, by their ids.
    let hostRequests = Locked<Set<UInt64>>([])
    /// Real time of the last completion that was queued.
    let lastCompletion = Atomic<Int64>(.min)
    let runners = Runners()
    /// PLAY: completions and bottom halves that have arrived before their place.
    var arrived: [ArrivalKey: QueuedEvent] = [:] {
        didSet { arrivedCount.store(arrived.count, ordering: .relaxed) }
    }
    /// For those that look without the lock.
    let arrivedCount = Atomic<Int>(0)
    var isFlushing = false
    /// The host's digest callback runs.
    var isInDigest = false
    var audioIn: AudioBlock?
    /// PLAY: what the last wake-up was for, and whether it was due.
    var lastWake: (index: UInt64, isDue: Bool) = (.max, false)
    /// Lint: the icount of the last checkpoint of an I/O thread.
    var lastIOCheckpoint: UInt64 = .max
    /// PLAY: real ns that the host's main loop has for an event that only it can
    /// lead to. Less and less for clock readings that it does not repeat.
    var patience = Session.fullPatience
    static let fullPatience: Int64 = 20_000_000
    /// PLAY: the event that the I/O thread's last turn left next, and when.
    var lastIOTurn: (index: UInt64, time: Int64) = (.max, 0)
    /// PLAY: since when an event is due that a host's own loop may not lead to.
    var dueSince: (index: UInt64, time: Int64) = (.max, 0)
    /// PLAY: causes of shutdowns that were passed over, and that the host will be asked for.
    var owedShutdowns = ShutdownQueue()
    /// PLAY: the cause of the last shutdown that was reached.
    var lastShutdown: Int32?
    /// PLAY: what replay_is_due() looks at from any thread: see ``publishNext(_:)``.
    let due = Atomic<UInt64>(0)
    /// The icount of what is next.
    let nextPlace = Atomic<UInt64>(0)
    let dueArrival = Atomic<UInt64>(.max)
    /// PLAY: the vCPU thread has a budget that it has not accounted.
    var isInSlice = false
    var flushPlace = FlushPlace()
    /// PLAY: the completion that had not arrived at its flush within a slice.
    var missedCompletion: UInt64 = .max
    /// What takes the digests: turns, or, in a host without them, flushes.
    var digestTaker = DigestTaker.nobody
    /// The vCPU thread has asked the I/O thread for a turn, and it has not come yet.
    let askedForWarp = Atomic<Bool>(false)
    /// RECORD: how often the vCPU thread has asked for a budget before its first turn.
    var budgetsBeforeTurn: UInt32 = 0
    var warnedOfSleep = false
    /// When virtual timers ran last, and how often they have run at that virtual time.
    var timerRuns: (time: Int64, count: UInt32) = (.min, 0)
    /// The machine was paused at the last turn.
    let paused = Atomic<Bool>(false)
    var warnedOfAlignment = false
    /// Real time is counted from here.
    var epoch = replay_monotonic_ns()

    /// Wakes the main loops that are attached; by what attached them.
    private let wakers = Locked<[(id: UInt, wake: @Sendable () -> Void)]>([])
    /// What ``reportFork()`` says, once.
    let forkIsReported = Atomic<Bool>(false)
    let processID = getpid()
    /// Threads that have made this session current.
    package let pushes = Atomic<Int>(0)
    var snapshotText: UnsafeMutablePointer<CChar>?

    package init(isDefault: Bool) {
        // So that no fork finds them half made.
        _ = RequestHandles.shared
        self.isDefault = isDefault
        lock = .allocate(capacity: 1)
        lock.initialize(to: replay_fair_lock_t())
        change = .allocate(capacity: 1)
        change.initialize(to: replay_change_t())
        watch = .allocate(capacity: 1)
        watch.initialize(to: replay_watch_t())
        // What can't be copied is borrowed where it is.
        countsPlace = withUnsafePointer(to: state.counts) { $0 }
    }

    deinit {
        watchdog?.stop(isLast: true)
        setFileName(nil)
        snapshotText?.deallocate()
        lock.deallocate()
        change.deallocate()
        watch.deallocate()
    }

    // MARK: Course

    /// Enters RECORD or PLAY, or leaves both (nil, nil).
    func enter(writer: LogWriter?, player: Player?) {
        self.writer = writer
        hotWriter = writer.map(Unmanaged.passUnretained)
        self.player = player
        hotPlayer = player.map(Unmanaged.passUnretained)
        if isIdle, writer != nil || player != nil { replay_fork_watch(lock) }
        if !isIdle, writer == nil, player == nil { replay_fork_unwatch(lock) }
        face.withLock { $0.show(writer, player) }
        mode = Int32(
            truncatingIfNeeded: writer != nil
                ? REPLAY_MODE_RECORD : player != nil ? REPLAY_MODE_PLAY : REPLAY_MODE_NONE)
        if isDefault { replay_mode_store(mode) }
    }

    package var fileName: UnsafePointer<CChar>? {
        isForked ? nil : face.withLock { $0.fileName.map { UnsafePointer($0) } }
    }

    func setFileName(_ name: String?) {
        let text = name.map(\.asCText)
        let before = face.withLock { face in
            defer { face.fileName = text }
            return face.fileName
        }
        before?.deallocate()
    }

    @inline(__always) var isRecording: Bool { mode == Int32(truncatingIfNeeded: REPLAY_MODE_RECORD) }
    @inline(__always) var isPlaying: Bool { mode == Int32(truncatingIfNeeded: REPLAY_MODE_PLAY) }
    @inline(__always) var isIdle: Bool { mode == Int32(truncatingIfNeeded: REPLAY_MODE_NONE) }

    var realTime: Int64 { replay_monotonic_ns() &- epoch }

    // MARK: Wake-ups

    /// Something changed that a thread in ``wait(_:)`` may wait for.
    func noteChange() { replay_change_note(change) }

    func wakeIO() {
        noteChange()
        host.wakeIO()
        // Under the lock: who removed its waker is not woken any more.
        wakers.withLock { for waker in $0 { waker.wake() } }
    }

    func wakeVCPU() {
        host.kick()
        noteChange()
    }

    package func addWaker(_ id: UInt, _ wake: @escaping @Sendable () -> Void) {
        wakers.withLock { $0.append((id, wake)) }
    }

    package func removeWaker(_ id: UInt) {
        wakers.withLock { $0.removeAll { $0.id == id } }
    }

    // MARK: Checks of a call

    /// Is the call allowed to touch the state? Answers the failure, or nil.
    /// In mode NONE there is no lock to hold and no role to have.
    @inline(__always)
    func refusal(_ roles: ThreadRoles, _ function: StaticString) -> Status? {
        if replay_fair_lock_mine(lock) && ThreadRoles.mine.overlaps(roles) { return nil }
        return isIdle ? nil : refuse(roles, function)
    }

    /// As ``refusal(_:_:)``, for a call that has seen that the session records or replays. Another thread
    /// may have ended the run since: only the lock keeps the log and the player where they are.
    @inline(__always)
    func refusalInRun(_ roles: ThreadRoles, _ function: StaticString) -> Status? {
        if replay_fair_lock_mine(lock) && ThreadRoles.mine.overlaps(roles) { return nil }
        return refuse(roles, function)
    }

    @inline(never)
    private func refuse(_ roles: ThreadRoles, _ function: StaticString) -> Status {
        guard replay_fair_lock_mine(lock) else { return lockIsNotHeld(function) }
        let mine = ThreadRoles.mine
        if isInDigest {
            return misuse(
                .reentered, "\(function) was called from within the digest callback, which may only look")
        }
        let wanted =
            mine.bits == 0 ? "one that has called replay_thread_attach" : roles.description
        return misuse(.wrongRole, "\(function) was called by \(mine.description), but is for \(wanted)")
    }

    private func lockIsNotHeld(_ function: StaticString) -> Status {
        misuse(
            .lockNotHeld,
            "\(function) was called by a thread that does not hold the replay lock: see replay_mutex_lock")
    }

    /// As ``refusal(_:_:)``, for calls that need the lock but no role.
    func refusalWithoutRole(_ function: StaticString) -> Status? {
        if isIdle || replay_fair_lock_mine(lock) { return nil }
        return lockIsNotHeld(function)
    }
}

extension String {
    /// A copy, as the file name that it is, that the caller deallocates.
    var asCText: UnsafeMutablePointer<CChar> {
        let bytes = fileBytes
        let text = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count + 1)
        for (index, byte) in bytes.enumerated() { text[index] = CChar(bitPattern: byte) }
        text[bytes.count] = 0
        return text
    }
}
