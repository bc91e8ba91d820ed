import ReplayLog
import ReplaySystem

/// The host's callbacks, with defaults for those that are NULL.
package struct Host {
    package typealias Opaque = UnsafeMutableRawPointer?
    /// How bytes get out of the engine or the host, and in: true if all have passed.
    package typealias Output = (UnsafeRawBufferPointer) -> Bool
    package typealias Input = (UnsafeMutableRawBufferPointer) -> Bool

    /// The table. What takes a struct of the C interface comes as a closure.
    package struct Callbacks {
        package var icount: (@convention(c) (Opaque) -> UInt64)?
        package var cpusIdle: (@convention(c) (Opaque) -> Bool)?
        package var machineRunning: (@convention(c) (Opaque) -> Bool)?
        package var deadline: (@convention(c) (Opaque, Int32) -> Int64)?
        package var runTimers: (@convention(c) (Opaque, Int32) -> Void)?
        package var kick: (@convention(c) (Opaque) -> Void)?
        package var wakeIO: (@convention(c) (Opaque) -> Void)?
        package var stop: (@Sendable (StopReason, ReplayError?) -> Void)?
        /// Does what `stop` does, but doesn't call the host.
        package var rehearseStop: (@Sendable (ReplayError) -> Void)?
        package var shutdown: (@convention(c) (Opaque, Int32) -> Void)?
        package var handleRequests: (@convention(c) (Opaque) -> Void)?
        package var input: (@Sendable (InputFields) -> Void)?
        package var inputSync: (@convention(c) (Opaque) -> Void)?
        package var digest: (@convention(c) (Opaque) -> UInt64)?
        package var message: (@convention(c) (Opaque, Int32, UnsafePointer<CChar>?) -> Void)?
        package var execute: (@convention(c) (Opaque, UInt64) -> Void)?
        package var interrupt: (@convention(c) (Opaque) -> Void)?
        package var saveState: (@Sendable (Output) -> Bool)?
        package var loadState: (@Sendable (Input) -> Bool)?
        package var paused: (@convention(c) (Opaque, Int32) -> Void)?
        /// Nil: not known.
        package var watchedRAM: (@Sendable () -> [RAMPlace]?)?

        package init() {}
    }

    private var callbacks = Callbacks()
    private var opaque: Opaque = nil
    /// The callback icount, or one that returns 0: it is called for each event.
    private var count: @convention(c) (Opaque) -> UInt64 = { _ in 0 }
    /// Equal for two hosts with the same callbacks.
    let identity: [UInt8]

    package init() {
        identity = []
    }

    /// - Parameter identity: the bytes of the table as the host gave it, and of `opaque`.
    package init(_ callbacks: Callbacks, opaque: Opaque, identity: [UInt8]) {
        self.callbacks = callbacks
        self.opaque = opaque
        self.identity = identity
        if let icount = callbacks.icount { count = icount }
    }

    var missingForLog: String? {
        if callbacks.icount == nil { return "icount" }
        if callbacks.cpusIdle == nil { return "cpus_idle" }
        // With `execute` the library's own loop returns instead.
        if callbacks.stop == nil, callbacks.execute == nil { return "stop (or execute)" }
        return nil
    }

    @inline(__always) var icount: UInt64 { count(opaque) }
    var canSleep: Bool { callbacks.cpusIdle != nil }
    var cpusIdle: Bool { callbacks.cpusIdle?(opaque) ?? false }
    var machineRunning: Bool { callbacks.machineRunning?(opaque) ?? true }

    /// Nanoseconds to the nearest timer; nil: none.
    func deadline(_ clock: TimerClock) -> Int64? {
        guard let ns = callbacks.deadline?(opaque, clock.rawValue), ns != -1 else { return nil }
        return max(ns, 0)
    }

    var runsTimers: Bool { callbacks.runTimers != nil }
    func runTimers(_ clock: TimerClock) { callbacks.runTimers?(opaque, clock.rawValue) }

    func kick() { callbacks.kick?(opaque) }
    func wakeIO() { callbacks.wakeIO?(opaque) }

    func stop(_ reason: StopReason, _ error: ReplayError?) { callbacks.stop?(reason, error) }

    func rehearseStop(_ error: ReplayError) { callbacks.rehearseStop?(error) }

    var executes: Bool { callbacks.execute != nil }
    func execute(_ instructions: UInt64) { callbacks.execute?(opaque, instructions) }
    func interrupt() { callbacks.interrupt?(opaque) }

    var takesShutdown: Bool { callbacks.shutdown != nil }
    func shutdown(_ cause: ShutdownCause) { callbacks.shutdown?(opaque, cause.rawValue) }
    func handleRequests() { callbacks.handleRequests?(opaque) }

    var takesInput: Bool { callbacks.input != nil }
    func input(_ event: InputFields) { callbacks.input?(event) }
    func inputSync() { callbacks.inputSync?(opaque) }

    /// Does the host take part in journeys?
    var savesState: Bool { callbacks.saveState != nil && callbacks.loadState != nil }
    func saveState(_ output: Output) -> Bool { callbacks.saveState?(output) ?? false }
    func loadState(_ input: Input) -> Bool { callbacks.loadState?(input) ?? false }
    func paused(_ reason: PauseReason) { callbacks.paused?(opaque, reason.rawValue) }

    /// The places in RAM without whose pages' being written no watchpoint is hit; nil: not known.
    var watchedRAM: [RAMPlace]? { callbacks.watchedRAM?() ?? nil }

    var hasDigest: Bool { callbacks.digest != nil }
    func digest() -> UInt64 { callbacks.digest?(opaque) ?? 0 }

    func message(_ level: MessageLevel, _ text: String) {
        guard let message = callbacks.message else { return }
        text.shown.withCString { message(opaque, level.rawValue, $0) }
    }
}
