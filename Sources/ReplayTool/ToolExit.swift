import ReplayLog

/// What the tool's exit codes mean.
public enum ToolExit: Int32, Sendable {
    case fine = 0
    /// Two logs differ, or a log is damaged or incomplete.
    case different = 1
    /// Wrong usage, or a file that can't be opened or isn't a log.
    case unusable = 2

    init(_ error: LogError) {
        switch error.code {
        case .damaged, .foreign: self = .different
        default: self = .unusable
        }
    }
}
