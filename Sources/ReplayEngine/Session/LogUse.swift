import ReplayLog

/// Record/replay mode, with the numbers of the public header (a test compares them).
package enum Mode: Int32, Sendable {
    case none = 0
    case record = 1
    case play = 2
}

/// What a session does with a log, and the state that only this mode has. It owns the recorder or the player. These are
/// unmanaged, so that the hot path counts no references.
enum LogUse {
    case none
    case recording(Unmanaged<Recorder>)
    case playing(Unmanaged<Player>)

    init(_ recorder: Recorder) { self = .recording(.passRetained(recorder)) }
    init(_ player: Player) { self = .playing(.passRetained(player)) }

    var mode: Mode {
        switch self {
        case .none: .none
        case .recording: .record
        case .playing: .play
        }
    }

    /// The session ends. Nothing may use it any more, except a player that a thread in a callback has pinned.
    @inline(never)
    func release() {
        switch self {
        case .none: break
        case .recording(let recorder): recorder.release()
        case .playing(let player): player.release()
        }
    }

    /// The run ends.
    func leave() {
        guard case .playing(let player) = self else { return release() }
        if player._withUnsafeGuaranteedRef({ $0.close() }) { player.release() }
    }
}

/// RECORD's side of a session, as ``Player`` is PLAY's.
final class Recorder {
    let writer: LogWriter
    let hotWriter: Unmanaged<LogWriter>
    /// The hot half of the writer, for events that are small.
    let encoder: UnsafeMutablePointer<EventEncoder>
    /// A bit for each kind that is stored with the I/O role if one thread has both.
    private let usuallyIO = EventKind.allCases.filter { $0.rule.usualRole == .io }
        .reduce(0 as UInt64) { $0 | 1 &<< UInt64($1.rawValue) }
    /// Lint: the icount of the last checkpoint of an I/O thread.
    var lastIOCheckpoint: UInt64 = .max
    /// How often the vCPU thread has asked for a budget before its first turn.
    private var budgetsBeforeTurn = 0
    static let mostBudgets = 100

    init(_ writer: LogWriter) {
        self.writer = writer
        hotWriter = .passUnretained(writer)
        encoder = writer.encoder
    }

    @inline(__always)
    func usualRole(_ kind: EventKind) -> ThreadRole {
        usuallyIO &>> UInt64(kind.rawValue) & 1 == 0 ? .vcpu : .io
    }

    func noteVCPUTurn() { budgetsBeforeTurn = Self.mostBudgets }

    /// - Returns: true once, when a turn is long overdue.
    func missesTurn() -> Bool {
        guard budgetsBeforeTurn < Self.mostBudgets else { return false }
        budgetsBeforeTurn += 1
        return budgetsBeforeTurn == Self.mostBudgets
    }
}
