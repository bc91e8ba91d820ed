/// The state of a recording.
package enum LogState: Equatable, Sendable {
    /// It has an end.
    case finished(LogEnd)
    /// A recorder is writing it now; the reader sees what was committed when it opened.
    case running
    /// It has no end; one sentence says why.
    case died(reason: String)
}
