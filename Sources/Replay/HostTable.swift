import CReplay
import ReplayEngine
import ReplayLog

extension Host {
    /// Copies the table up to its size.
    init(_ source: UnsafePointer<replay_host_t>, opaque: UnsafeMutableRawPointer?) {
        var table = replay_host_t()
        replay_copy_known(&table, source, MemoryLayout<replay_host_t>.size)
        var identity = withUnsafeBytes(of: table) { Array($0) }
        withUnsafeBytes(of: opaque) { identity += $0 }
        self.init(Callbacks(table, opaque), opaque: opaque, identity: identity)
    }
}

/// The host's pointer, which threads share by its callbacks.
private struct Shared: @unchecked Sendable {
    var opaque: UnsafeMutableRawPointer?
}

extension Host.Callbacks {
    fileprivate init(_ table: replay_host_t, _ opaque: UnsafeMutableRawPointer?) {
        self.init()
        let shared = Shared(opaque: opaque)
        icount = table.icount
        cpusIdle = table.cpus_idle
        machineRunning = table.machine_running
        deadline = table.deadline_ns
        runTimers = table.run_timers
        kick = table.kick
        wakeIO = table.wake_io
        rehearseStop = { $0.withC { _ in } }
        if let call = table.stop {
            stop = { reason, error in
                guard let error else { return call(shared.opaque, reason.rawValue, nil) }
                error.withC { call(shared.opaque, reason.rawValue, $0) }
            }
        }
        shutdown = table.shutdown
        handleRequests = table.handle_requests
        if let call = table.input_from {
            input = { event in
                var event = replay_input_t(event)
                call(shared.opaque, &event)
            }
        } else if let call = table.input {
            input = { event in
                var event = replay_input_t(event).plain
                call(shared.opaque, &event)
            }
        }
        inputSync = table.input_sync
        digest = table.digest
        message = table.message
        execute = table.execute
        interrupt = table.interrupt
        if let call = table.save_state {
            saveState = { output in HostStream.withOutput(output) { call(shared.opaque, $0) } }
        }
        if let call = table.load_state {
            loadState = { input in HostStream.withInput(input) { call(shared.opaque, $0) } }
        }
        paused = table.paused
        if let call = table.watched_ram { watchedRAM = { RAMPlace.listed { call(shared.opaque, $0, $1) } } }
    }
}
