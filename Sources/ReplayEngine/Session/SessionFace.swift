import CReplay
import ReplayLog

/// What threads without the replay lock may read of a run.
struct SessionFace: @unchecked Sendable {
    // Sendable: of the writer and the player it uses only what guards itself.

    /// As C text, which the session deallocates.
    var fileName: UnsafeMutablePointer<CChar>?
    var snapshotName: UnsafeMutablePointer<CChar>?
    /// The values that don't change during the run.
    private(set) var info = replay_info_t()
    private(set) var writer: LogWriter?
    private(set) var player: Player?

    mutating func show(_ writer: LogWriter?, _ player: Player?) {
        (self.writer, self.player, info) = (writer, player, replay_info_t())
        if writer != nil { info.log_version = LogMetadata().formatVersion }
        guard let player else { return }
        info.log_version = player.reader.metadata.formatVersion
        if case .finished(let end) = player.reader.state {
            info.total_events = end.eventCount
            info.total_icount = end.icount
            info.end_cause = Int32(bitPattern: end.cause)
            info.end_exit_code = end.exitCode
            info.log_finished = 1
        }
    }

    mutating func show(blockData: Bool) { info.block_data = blockData ? 1 : 0 }
}
