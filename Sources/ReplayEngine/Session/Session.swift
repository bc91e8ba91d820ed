import CReplay
import ReplayLog
import ReplaySystem

/// One machine's recording or replay: the class behind the C interface.
///
/// Its properties are grouped by who may use them and how long they live. The extensions follow the headers:
/// instructions, clocks, warp, checkpoints, queue, devices, blocks.
package final class Session: @unchecked Sendable {
    // Sendable: the replay lock guards what the other properties don't guard themselves.

    // For the session's whole life.

    /// Is this the default session, whose mode is also the exported variable?
    package let isDefault: Bool
    private let words = ThreadWords()
    package let shared = SharedState()
    let hosts = HostTables()
    let threads = WatchedThreads()
    package let wakers = Wakers()
    let failures = Failures()
    /// Fields and blockers from devices before the start, from any thread.
    let preparation = Preparation()
    let devices = Devices()
    let queue = EventQueue()
    let runners = Runners()
    /// What other threads may read of the run, see ``info``.
    let face = Locked(SessionFace())
    /// A copy of the virtual clock for threads without the replay lock. In mode NONE, where the replay lock does
    /// nothing, its lock also guards ``state``.
    let clockLock = Locked(VirtualClock())
    let due = DueBoard()
    let travel = Travel()

    // For one run, guarded by the replay lock.

    private(set) var log = LogUse.none
    var options = Options()
    var state = EngineState()
    var course = Course()
    var watchdog: Watchdog?

    package init(isDefault: Bool) {
        // So that no fork finds them half initialised.
        _ = RequestHandles.shared
        self.isDefault = isDefault
    }

    deinit {
        watchdog?.stop(isLast: true)
        setFileName(nil)
        setSnapshotName(nil)
        log.release()
        words.deallocate()
    }

    /// The replay lock.
    @inline(__always) var lock: UnsafeMutablePointer<replay_fair_lock_t> { words.lock }
    /// Counts the changes that threads in ``wait(_:)`` wait for.
    @inline(__always) var change: UnsafeMutablePointer<replay_change_t> { words.change }
    /// What the threads store for the watchdog.
    @inline(__always) var watch: UnsafeMutablePointer<replay_watch_t> { words.watch }

    // MARK: The log

    /// Begins or ends a run, and frees the last recorder or player.
    func enter(_ next: LogUse) {
        let before = log
        log = next
        if before.mode == .none, next.mode != .none { replay_fork_watch(lock) }
        if before.mode != .none, next.mode == .none { replay_fork_unwatch(lock) }
        shared.mode.store(next.mode.rawValue, ordering: .releasing)
        updateQuickPaths()
        face.withLock { $0.show(writer, player) }
        if isDefault { replay_mode_store(next.mode.rawValue) }
        before.leave()
    }

    /// Called when something changes that ``SharedState/quickEncoder`` depends on.
    func updateQuickPaths() {
        shared.endQuickPaths()
        if course.isIOTurn || shared.lints.load(ordering: .relaxed) || hasFailed { return }
        switch log {
        case .none: break
        case .recording(let recorder):
            shared.quickEncoder.store(recorder._withUnsafeGuaranteedRef(\.encoder), ordering: .relaxed)
        case .playing(let player): shared.quickPlayer.store(player, ordering: .relaxed)
        }
    }

    /// Only with the lock held, because a different thread may end the run.
    var recorder: Recorder? { hotRecorder?.takeUnretainedValue() }
    var player: Player? { hotPlayer?.takeUnretainedValue() }
    var writer: LogWriter? { recorder?.writer }
    /// For code that runs for each event or slice, without reference counting.
    @inline(__always)
    var hotRecorder: Unmanaged<Recorder>? {
        if isRecording, case .recording(let recorder) = log { recorder } else { nil }
    }
    @inline(__always)
    var hotPlayer: Unmanaged<Player>? {
        if isPlaying, case .playing(let player) = log { player } else { nil }
    }
    /// PLAY: runs `body` with the player, without counting references. Nil in the other modes. For a body
    /// that calls no host: there the lock may be released, and the run end.
    @inline(__always)
    func withPlayer<Result>(_ body: (Player) -> Result) -> Result? {
        hotPlayer.map { $0._withUnsafeGuaranteedRef(body) }
    }
    /// The same for a body that may call the host: the player outlives it.
    @inline(__always)
    func withPinnedPlayer<Result>(_ body: (Player) -> Result) -> Result? {
        hotPlayer.map { player in
            player._withUnsafeGuaranteedRef { $0.pins &+= 1 }
            defer { if player._withUnsafeGuaranteedRef({ $0.unpin() }) { LogUse.playing(player).release() } }
            return player._withUnsafeGuaranteedRef(body)
        }
    }

    @inline(__always)
    var host: Host {
        _read { yield hosts.current.pointee }
        set { hosts.set(newValue) }
    }

    var realTime: Int64 { replay_monotonic_ns() &- shared.epoch.load(ordering: .relaxed) }

    // MARK: Names of C

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

    /// The name of the snapshot, which the default session also exports.
    func setSnapshotName(_ name: String?) {
        let text = name.map(\.asCText)
        if isDefault { replay_snapshot_store(text) }
        let before = face.withLock { face in
            defer { face.snapshotName = text }
            return face.snapshotName
        }
        before?.deallocate()
    }

    // MARK: Wake-ups

    /// Notes a change that a thread in ``wait(_:)`` may wait for.
    func noteChange() { replay_change_note(change) }

    func wakeIO() {
        noteChange()
        host.wakeIO()
        wakers.wake()
    }

    func wakeVCPU() {
        host.kick()
        noteChange()
    }
}
