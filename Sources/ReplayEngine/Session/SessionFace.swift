import ReplayLog

/// What threads without the replay lock may read of a run.
struct SessionFace: @unchecked Sendable {
    // Sendable: of the writer and the player it uses only what guards itself.

    /// As C text, which the session deallocates.
    var fileName: UnsafeMutablePointer<CChar>?
    var snapshotName: UnsafeMutablePointer<CChar>?
    /// The values that don't change during the run.
    private(set) var info = RunInfo()
    private(set) var writer: LogWriter?
    private(set) var player: Player?

    mutating func show(_ writer: LogWriter?, _ player: Player?) {
        (self.writer, self.player, info) = (writer, player, RunInfo())
        if writer != nil { info.logVersion = LogMetadata().formatVersion }
        guard let player else { return }
        info.logVersion = player.reader.metadata.formatVersion
        if case .finished(let end) = player.reader.state {
            info.end = RunInfo.End(
                events: end.eventCount, icount: end.icount,
                cause: ShutdownCause(rawValue: Int32(bitPattern: end.cause)), exitCode: end.exitCode)
        }
    }

    mutating func show(blockData: Bool) { info.hasBlockData = blockData }
}
