import CReplay

/// The real time in which the machine was paused.
struct PauseCount {
    private var pauses = replay_pauses_t()

    mutating func begin(_ now: Int64) { replay_pauses_note(&pauses, true, now) }
    mutating func end(_ now: Int64) { replay_pauses_note(&pauses, false, now) }

    /// Real time, minus the pauses.
    func running(_ now: Int64) -> Int64 {
        withUnsafePointer(to: pauses) { replay_pauses_running($0, now) }
    }
}
