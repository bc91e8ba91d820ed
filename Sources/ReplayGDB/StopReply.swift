/// The packet that reports why the machine is paused.
enum StopReply {
    private static let trap = "T05"
    private static let interrupted = "T02"
    /// The machine's run has ended.
    static let ended = "W00"

    /// - Parameter isAnswerToMotion: false: to `?`, which asks for the state without its history.
    static func text(_ stop: Stop, isAnswerToMotion: Bool, _ features: DebuggerFeatures) -> String {
        let thread = "thread:\(ThreadID.text(cpu: stop.cpu));"
        if case .exited(let status) = stop.reason {
            return "W" + Hex.text([status])
        }
        guard isAnswerToMotion else { return trap + thread }
        switch stop.reason {
        case .request: return interrupted + thread
        case .place, .exited: return trap + thread
        case .breakpoint(.hardware): return trap + (features.hardwareReason ? "hwbreak:;" : "") + thread
        case .breakpoint: return trap + (features.softwareReason ? "swbreak:;" : "") + thread
        case .watch(let kind, let address):
            return trap + "\(name(kind)):\(Hex.text(address));" + thread
        case .begin: return trap + "replaylog:begin;" + thread
        case .end: return trap + "replaylog:end;" + thread
        }
    }

    private static func name(_ kind: BreakKind) -> String {
        switch kind {
        case .readWatch: "rwatch"
        case .accessWatch: "awatch"
        case .software, .hardware, .writeWatch: "watch"
        }
    }
}

/// What the debugger has said that it understands.
struct DebuggerFeatures {
    var softwareReason = false
    var hardwareReason = false
}
