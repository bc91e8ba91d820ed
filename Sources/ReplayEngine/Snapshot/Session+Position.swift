import CReplay
import ReplayLog
import ReplaySystem

/// A host's snapshot and the engine's part of it: see snapshot.h.
extension Session {
    package func canSnapshot() -> Bool { refusalOfSave("replay_can_snapshot") == nil }

    /// Why no position can be saved here.
    private func refusalOfSave(_ function: StaticString) -> Status? {
        if let status = refusalOfPosition(function) { return status }
        if hasFailed { return failure }
        if let obstacle = obstacle(resubmitting: false) {
            return note(ReplayError(.notQuiet, "no position can be saved here: \(obstacle)", at: self))
        }
        if let error = writtenDisk { return note(error) }
        let lists = state.timers.mostBytes &+ DevicePosition(devices).mostBytes
        guard lists < EnginePosition.longestLists else {
            return note(
                ReplayError(.notSupported, "a position can't hold so many timers and devices", at: self))
        }
        return nil
    }

    /// What refers to callbacks and memory of the host.
    ///
    /// - Parameter resubmitting: what the host submits again, after the load, doesn't count.
    func obstacle(resubmitting: Bool) -> String? {
        if course.isFlushing { return "the queue is being flushed" }
        if isCalling { return "the library is within a callback of the host" }
        if queue.holdsCallbacks(resubmitting: resubmitting) {
            return "a bottom half or a completion is queued"
        }
        let barred = resubmitting ? hasRequestsThatBarSnapshots : hasRequestsAtWork
        if barred { return "a disk request is pending" }
        if withPlayer({ !$0.owedShutdowns.isEmpty }) == true { return "a shutdown is about to be requested" }
        return course.audioIn == nil ? nil : "a block of audio samples is begun"
    }

    /// What the guest writes is in an overlay or image that only the library knows, and not part of a position.
    var writtenDisk: ReplayError? {
        guard let disk = devices.allDisks.first(where: \.holdsWrites) else { return nil }
        return ReplayError(
            .notSupported,
            "a position doesn't hold what the guest writes to \(disk.name): use the library's snapshots, or "
                + "REPLAY_BLOCK_OVERLAY_OFF with a backend whose content your own snapshots hold",
            device: disk.name)
    }

    // MARK: Save

    package func savePosition(_ output: Host.Output) -> Status {
        if let status = refusalOfSave("replay_position_save") { return status }
        let chain: UInt64
        if let writer {
            guard accountForWriting(host.icount) != nil else { return failure }
            chain = writer.chain
        } else if let player {
            guard accountForPlaying(host.icount, player) else { return failure }
            do { chain = try player.chain() } catch { return note(ReplayError(error)) }
        } else {
            return failure
        }
        let (head, body) = position(chain: chain).encoded()
        let isWritten = inHost { head.withUnsafeBytes(output) && body.withUnsafeBytes(output) }
        guard isWritten else {
            return note(ReplayError(.system, "the position can't be written to the host's stream", at: self))
        }
        return .ok
    }

    /// The place here.
    func position(chain: UInt64) -> EnginePosition {
        EnginePosition(
            icount: icount, events: player?.nextIndex ?? events, chain: chain,
            eventsEnabled: areEventsEnabled, digestTaker: course.digestTaker,
            devices: DevicePosition(devices), state: state)
    }

    func refusalOfPosition(_ function: StaticString) -> Status? {
        if isIdle {
            return misuse(.wrongMode, "\(function) was called while neither recording nor replaying")
        }
        if let refusal = refusalInRun(.either, function) { return refusal }
        return isStarted ? nil : misuse(.wrongState, "\(function) was called before replay_start()")
    }

    func refuseWithinCallback(_ function: StaticString) -> Status {
        misuse(
            .reentered,
            "\(function) was called from within a callback of the host: call it when the callback, and each replay_run(), has returned (see replay_run_stop())"
        )
    }

    // MARK: Load

    package func loadPosition(_ input: Host.Input) -> Status {
        let function: StaticString = "replay_position_load"
        if let status = refusalOfPosition(function) { return status }
        guard let player else { return misuse(.wrongMode, "\(function) was called while not replaying") }
        if isInCallback {
            return refuseWithinCallback(function)
        }
        if let error = writtenDisk { return note(error) }
        do throws(ReplayError) {
            let position = try inHost { readPosition(input) }.get()
            // The callback had the thread for itself.
            guard self.player === player, holdsLock else {
                return misuse(.wrongState, "the replay has ended while its position was read")
            }
            try go(to: position, player)
            runners.areStopped.store(false, ordering: .relaxed)
            abandonJourney()
            travel.pace.restart(icount, Syscalls.threadTime)
            if travel.nextLook != .max { travel.nextLook = min(travel.nextLook, travel.pace.next) }
            updateStop()
            return .ok
        } catch {
            return note(error)
        }
    }

    private func readPosition(_ input: Host.Input) -> Result<EnginePosition, ReplayError> {
        Result { () throws(ReplayError) in try positionRead(input) }
    }

    private func positionRead(_ input: Host.Input) throws(ReplayError) -> EnginePosition {
        var head = [UInt8](repeating: 0, count: EnginePosition.headSize)
        guard head.withUnsafeMutableBytes(input) else {
            throw ReplayError(.system, "the position can't be read from the host's stream")
        }
        guard let length = head.withUnsafeBytes({ EnginePosition.bodyLength($0) }) else {
            throw EnginePosition.error("it isn't a position that this version saves")
        }
        guard let body = RawBuffer(count: length) else {
            throw ReplayError(.noMemory, "memory ran out for a position of \(length) bytes")
        }
        guard input(body.bytes) else {
            throw ReplayError(.system, "the position can't be read from the host's stream")
        }
        return try EnginePosition(body: body.readOnly, timers: state.timers)
    }

    /// PLAY: the log, the state and everything that belongs to the abandoned course.
    ///
    /// - Parameter isTrusted: the position is of this run, so its checksum isn't compared.
    func go(to position: EnginePosition, _ player: Player, isTrusted: Bool = false) throws(ReplayError) {
        let reached = (max(icount, host.icount), player.nextIndex)
        if let reason = position.devices.reasonAgainst(devices) { throw EnginePosition.error(reason) }
        try player.go(to: position, isTrusted: isTrusted)
        // First: it may be about to report a stall of the course that ends here.
        watchdog?.stop()
        devices.keepCharDevices(Int(position.devices.charDevices))
        noteFurthest(reached)
        for disk in devices.allDisks { disk.abandonRequests() }
        queue.abandon()
        let pauses = state.pauses
        state = position.state
        state.pauses = pauses
        state.loadedAt = position.icount
        showClock()
        (course.audioIn, course.timerRuns) = (nil, (.min, 0))
        course.digestTaker = position.digestTaker
        shared.eventsEnabled.store(position.eventsEnabled, ordering: .relaxed)
        shared.askedForWarp.store(false, ordering: .relaxed)
        (icount, events) = (position.icount, position.events)
        clearFailure()
        publishNothingDue()
        if !isHalted { publishNext(player) }
        updateStop()
        replay_watch_reset(watch)
        startWatchdog()
        wakeVCPU()
        wakeIO()
    }
}
