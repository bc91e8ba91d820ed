import CReplay
import ReplayLog

/// The host's callbacks, with defaults for those that are NULL.
package struct Host {
    private var table = replay_host_t()
    private var opaque: UnsafeMutableRawPointer?
    /// The callback icount, or one that returns 0: it is called for each event.
    private var count: @convention(c) (UnsafeMutableRawPointer?) -> UInt64 = { _ in 0 }

    init() {}

    /// The table's size before anything was appended to it.
    package static let smallestSize =
        MemoryLayout<replay_host_t>.offset(of: \.execute) ?? MemoryLayout<replay_host_t>.size

    /// Copies the table up to its size.
    init(_ source: UnsafePointer<replay_host_t>, opaque: UnsafeMutableRawPointer?) {
        replay_copy_known(&table, source, MemoryLayout<replay_host_t>.size)
        self.opaque = opaque
        if let icount = table.icount { count = icount }
    }

    var missingForLog: String? {
        if table.icount == nil { return "icount" }
        if table.cpus_idle == nil { return "cpus_idle" }
        // With `execute` the library's own loop returns instead.
        if table.stop == nil, table.execute == nil { return "stop" }
        return nil
    }

    @inline(__always) var icount: UInt64 { count(opaque) }
    var canSleep: Bool { table.cpus_idle != nil }
    var cpusIdle: Bool { table.cpus_idle?(opaque) ?? false }
    var machineRunning: Bool { table.machine_running?(opaque) ?? true }

    /// Nanoseconds to the nearest timer; nil: none.
    func deadline(_ clock: Int) -> Int64? {
        guard let ns = table.deadline_ns?(opaque, Int32(truncatingIfNeeded: clock)), ns != -1 else {
            return nil
        }
        return max(ns, 0)
    }

    var runsTimers: Bool { table.run_timers != nil }
    func runTimers(_ clock: Int) { table.run_timers?(opaque, Int32(truncatingIfNeeded: clock)) }

    func kick() { table.kick?(opaque) }
    func wakeIO() { table.wake_io?(opaque) }

    func stop(_ reason: Int, _ error: ReplayError?) {
        guard let stop = table.stop else { return }
        let reason = Int32(truncatingIfNeeded: reason)
        guard let error else { return stop(opaque, reason, nil) }
        error.withC { stop(opaque, reason, $0) }
    }

    var executes: Bool { table.execute != nil }
    func execute(_ instructions: UInt64) { table.execute?(opaque, instructions) }
    func interrupt() { table.interrupt?(opaque) }

    var takesShutdown: Bool { table.shutdown != nil }
    func shutdown(_ cause: Int32) { table.shutdown?(opaque, cause) }
    func handleRequests() { table.handle_requests?(opaque) }

    var takesInput: Bool { table.input != nil || table.input_from != nil }
    func input(_ event: InputEvent) {
        if let input = table.input_from {
            var event = event.content
            return input(opaque, &event)
        }
        var event = event.plain
        table.input?(opaque, &event)
    }
    func inputSync() { table.input_sync?(opaque) }

    var hasDigest: Bool { table.digest != nil }
    func digest() -> UInt64 { table.digest?(opaque) ?? 0 }

    func message(_ level: Int, _ text: String) {
        guard let message = table.message else { return }
        text.shown.withCString { message(opaque, Int32(truncatingIfNeeded: level), $0) }
    }
}
