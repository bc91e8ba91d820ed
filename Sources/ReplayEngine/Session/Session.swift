import CReplay
import ReplayLog

/// One machine's recording or replay: the class behind the C interface.
///
/// What it holds is sorted by who may touch it and how long it lives. The extensions follow the headers:
/// instructions, clocks, warp, checkpoints, queue, devices, blocks.
package final class Session: @unchecked Sendable {
    // Sendable: the replay lock guards what the other properties don't guard themselves.

    // For as long as the session lives.

    /// The default session's mode is also the exported variable.
    let isDefault: Bool
    private let words = ThreadWords()
    package let shared = SharedState()
    let hosts = HostTables()
    let threads = WatchedThreads()
    package let wakers = Wakers()
    let failures = Failures()
    /// What devices say of themselves, from any thread, before the start.
    let preparation = Preparation()
    let devices = Devices()
    let queue = EventQueue()
    let runners = Runners()
    /// What other threads may know of the run, see ``info``.
    let face = Locked(SessionFace())
    /// What threads without the replay lock see of the virtual clock. In mode NONE the replay lock does
    /// nothing: this one guards ``state`` then.
    let clockLock = Locked(VirtualClock())
    let due = DueBoard()

    // For one run. The owner of the replay lock has it.

    private(set) var log = LogUse.none
    var options = Options()
    var state = EngineState()
    var course = Course()
    var watchdog: Watchdog?

    package init(isDefault: Bool) {
        // So that no fork finds them half made.
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
    /// Counts what threads in ``wait(_:)`` wait for.
    @inline(__always) var change: UnsafeMutablePointer<replay_change_t> { words.change }
    /// What the threads leave for the watchdog.
    @inline(__always) var watch: UnsafeMutablePointer<replay_watch_t> { words.watch }

    // MARK: The log

    /// Begins or ends a run. What it was before is gone then.
    func enter(_ next: LogUse) {
        let before = log
        log = next
        if before.mode == .none, next.mode != .none { replay_fork_watch(lock) }
        if before.mode != .none, next.mode == .none { replay_fork_unwatch(lock) }
        shared.mode.store(next.mode.rawValue, ordering: .releasing)
        let isQuick = next.mode != .none && !shared.lints.load(ordering: .relaxed) && !hasFailed
        shared.quickMode.store(isQuick ? next.mode.rawValue : -1, ordering: .relaxed)
        face.withLock { $0.show(writer, player) }
        if isDefault { replay_mode_store(next.mode.rawValue) }
        before.release()
    }

    /// These are for the owner of the lock: another thread may end the run.
    var recorder: Recorder? { hotRecorder?.takeUnretainedValue() }
    var player: Player? { hotPlayer?.takeUnretainedValue() }
    var writer: LogWriter? { recorder?.writer }
    /// For what runs for each event or slice: no reference counting.
    @inline(__always)
    var hotRecorder: Unmanaged<Recorder>? {
        if isRecording, case .recording(let recorder) = log { recorder } else { nil }
    }
    @inline(__always)
    var hotPlayer: Unmanaged<Player>? {
        if isPlaying, case .playing(let player) = log { player } else { nil }
    }
    /// PLAY: runs `body` with the player, without counting references. Nil in the other modes.
    @inline(__always)
    func withPlayer<Result>(_ body: (Player) -> Result) -> Result? {
        hotPlayer.map { $0._withUnsafeGuaranteedRef(body) }
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

    /// Something changed that a thread in ``wait(_:)`` may wait for.
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
