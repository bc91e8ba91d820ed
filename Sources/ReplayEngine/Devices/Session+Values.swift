import Glibc
import ReplayLog

/// Values that the guest sees: how RECORD saves and PLAY loads them; random numbers; shutdown requests.
extension Session {
    // MARK: Save and load

    /// RECORD: stores a value that the guest sees.
    func save(_ function: StaticString, _ write: () -> Bool) -> Status {
        guard isRecording else { return misuse(.wrongMode, "\(function) was called while not recording") }
        if let refusal = refusalInRun(.either, function) { return refusal }
        if hasFailed { return failure }
        return status(ofWriting: write())
    }

    /// PLAY: takes the value, which must be next. `read` returns what doesn't match.
    func load(_ kind: EventKind, _ function: StaticString, _ read: (Event) -> String?) -> Status {
        let (player, status) = playing(function)
        guard let player else { return status }
        guard mayTake(kind, player) else { return failure }
        if let mismatch = read(player.next) { return diverge(mismatch) }
        if hasFailed { return failure }
        consume(player)
        return .ok
    }

    // MARK: Random

    package func saveRandom(_ result: Int32, _ data: UnsafeRawBufferPointer) -> Status {
        save("replay_save_random") { write(.random(result: result, data)) }
    }

    package func loadRandom(_ target: UnsafeMutableRawBufferPointer) -> (Status, Int32) {
        var result: Int32 = 0
        target.initializeMemory(as: UInt8.self, repeating: 0)
        let status = load(.random, "replay_read_random") { event in
            guard event.bytes.count == target.count else {
                return "a request of \(target.count) random bytes"
            }
            target.copyMemory(from: event.bytes)
            result = event.result
            return nil
        }
        return (status, result)
    }

    // MARK: Shutdown

    package func requestShutdown(_ cause: ShutdownCause) -> Status {
        guard cause.exists else {
            return misuse(.invalidArgument, "shutdown cause \(cause.rawValue) does not exist")
        }
        if isIdle { return .ok }
        if let refusal = refusal(.either, "replay_shutdown_request") { return refusal }
        if isRecording {
            state.unorderedEvents &+= 1
            let written = write(.shutdown(cause: cause.rawValue))
            (state.shutdownCause, state.shutdownIcount) = (cause, icount)
            noteChange()
            return status(ofWriting: written || options.goOnWhenFull)
        }
        guard let player, accountForPlaying(host.icount, player) else { return failure }
        takeRequestedShutdown(cause, player)
        return hasFailed ? failure : .ok
    }
}
