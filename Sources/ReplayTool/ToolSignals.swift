import ReplaySystem

/// Signals that end the process.
public enum ToolSignals {
    /// From now on SIGHUP, SIGINT and SIGTERM remove files that aren't complete, before they end the process.
    public static func removeUnfinishedFiles() { UnfinishedFile.removeAllOnSignals() }
}
