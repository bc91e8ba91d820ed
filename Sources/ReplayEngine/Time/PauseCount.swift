/// The real time in which the machine was paused.
struct PauseCount {
    private var since: Int64?
    private var total: Int64 = 0

    mutating func begin(_ now: Int64) { since = since ?? now }

    mutating func end(_ now: Int64) {
        if let since { total &+= now &- since }
        since = nil
    }

    /// Real time, minus the pauses.
    func running(_ now: Int64) -> Int64 { (since ?? now) &- total }
}
