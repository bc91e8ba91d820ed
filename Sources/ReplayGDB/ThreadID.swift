/// CPU 0 is thread 1 to the debugger, because the protocol's 0 means any thread.
enum ThreadID: Equatable {
    case all
    case any
    case cpu(Int)

    /// nil: malformed, or there is no such CPU.
    init?(_ text: inout PacketText, cpuCount: Int) {
        if text.take("-1") {
            self = .all
            return
        }
        guard let number = text.number() else { return nil }
        if number == 0 {
            self = .any
            return
        }
        guard let cpu = Int(exactly: number &- 1), cpu < cpuCount else { return nil }
        self = .cpu(cpu)
    }

    static func text(cpu: Int) -> String { Hex.text(UInt64(truncatingIfNeeded: cpu) &+ 1) }
}
