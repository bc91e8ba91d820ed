import ReplayLog

/// What PLAY must know of a kind of event: who leads to it, who may take it, whether it may wait. Each rule
/// about a kind is written here, once, and all other code reads it.
struct EventRule {
    /// What leads to the event in PLAY. Except for a shutdown, only a thread of the recorded role takes it.
    enum Way {
        /// A call that the host makes by itself: an interrupt, a value, a digest from the host.
        case call
        /// A reading of a clock.
        case reading
        /// A checkpoint, by a call of the host or by the library's turn.
        case checkpoint
        /// A flush of the queue, by the vCPU thread.
        case flush
        /// The vCPU thread's turn or, in a host without turns, its flush.
        case digest
        /// The host's own request or, without one, the engine.
        case shutdown
    }

    /// What it means if a call asks for the event while a different one is next.
    enum OutOfTurn {
        /// Nothing: the host asks again.
        case later
        /// A divergence, after skipping what may be skipped.
        case divergence
        /// A reading: the same for a vCPU thread. An I/O thread gets the last value, because its loop may
        /// turn at different times.
        case lastValue
    }

    /// What must arrive before a flush can deliver the event.
    enum Arrival {
        case bottomHalf
        /// The completion of a disk request.
        case request
    }

    /// The step of a vCPU thread's turn that leads to an event of that thread, in the turn's order. RECORD takes each
    /// step at most once in a turn, so an event whose step isn't later belongs to the next turn.
    enum VCPUStep: UInt8 {
        case digest = 1
        case flush
        case shift
        case sleep
        case virtualTimers
    }

    /// The same for a turn of the I/O thread. RECORD doesn't take the last two: the host does
    /// these in its own loop, as often as it likes.
    enum IOStep: UInt8 {
        case warpEnd = 1
        case hostTimers
        case requests
        case warpStart
        case virtualTimers
        case reading

        var isOncePerTurn: Bool { self != .virtualTimers && self != .reading }
    }

    var way: Way
    var outOfTurn = OutOfTurn.later
    var arrival: Arrival?
    var vcpuStep: VCPUStep?
    var ioStep: IOStep?
    /// Does an instruction of the guest that reads or writes a device lead to it?
    var isOfDevice = false
    /// Does the guest's state stay unchanged?
    var leavesGuestAlone = false
    /// The role that it is stored with if one thread has both.
    var usualRole = ThreadRole.vcpu
    /// The call by which a host's thread reaches it.
    var call: StaticString
}

extension EventKind {
    var rule: EventRule {
        switch self {
        // Delivered by a flush.
        case .flush:
            EventRule(way: .flush, vcpuStep: .flush, leavesGuestAlone: true, call: Self.flushCall)
        case .input, .inputFrom, .inputSync, .charRead, .net:
            EventRule(way: .flush, vcpuStep: .flush, call: Self.flushCall)
        case .bottomHalf, .bottomHalfOneshot:
            EventRule(way: .flush, arrival: .bottomHalf, vcpuStep: .flush, call: Self.flushCall)
        case .block, .blockRead, .blockData:
            EventRule(way: .flush, arrival: .request, vcpuStep: .flush, call: Self.flushCall)

        // Done by the turns.
        case .digest:
            EventRule(
                way: .digest, vcpuStep: .digest, leavesGuestAlone: true,
                call: "replay_account_warp_timer() or replay_turn()")
        case .checkpointClockVirtualRT:
            EventRule(
                way: .checkpoint, vcpuStep: .shift, ioStep: .warpEnd, leavesGuestAlone: true, usualRole: .io,
                call: "replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_VIRTUAL_RT) or replay_turn()")
        case .checkpointClockWarpAccount:
            EventRule(
                way: .checkpoint, vcpuStep: .sleep, leavesGuestAlone: true,
                call: "replay_account_warp_timer() or replay_turn()")
        case .checkpointClockVirtual:
            EventRule(
                way: .checkpoint, vcpuStep: .virtualTimers, ioStep: .virtualTimers,
                call: "replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_VIRTUAL) or replay_turn()")
        case .checkpointClockHost:
            EventRule(
                way: .checkpoint, ioStep: .hostTimers, usualRole: .io,
                call: "replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_HOST) or replay_turn()")
        case .checkpointResetRequested:
            EventRule(
                way: .checkpoint, ioStep: .requests, usualRole: .io,
                call: "replay_checkpoint(REPLAY_CHECKPOINT_RESET_REQUESTED)")
        case .checkpointSuspendRequested:
            EventRule(
                way: .checkpoint, ioStep: .requests, usualRole: .io,
                call: "replay_checkpoint(REPLAY_CHECKPOINT_SUSPEND_REQUESTED)")
        case .checkpointClockWarpStart:
            EventRule(
                way: .checkpoint, ioStep: .warpStart, leavesGuestAlone: true, usualRole: .io,
                call: "replay_start_warp_timer() or replay_turn()")
        case .shutdown: EventRule(way: .shutdown, call: "replay_turn()")

        // Reached by the host's own calls.
        case .checkpointInit:
            EventRule(
                way: .checkpoint, outOfTurn: .divergence, call: "replay_checkpoint(REPLAY_CHECKPOINT_INIT)")
        case .checkpointReset:
            EventRule(
                way: .checkpoint, outOfTurn: .divergence, call: "replay_checkpoint(REPLAY_CHECKPOINT_RESET)")
        case .clockHost, .clockVirtualRT:
            EventRule(
                way: .reading, outOfTurn: .lastValue, ioStep: .reading, isOfDevice: true,
                leavesGuestAlone: true,
                call: "replay_read_clock(), by REPLAY_CLOCK, or by REPLAY_CLOCK_LOCKED with the replay lock")
        case .interrupt: EventRule(way: .call, call: "replay_interrupt()")
        case .exception: EventRule(way: .call, call: "replay_exception()")
        case .charWrite: .device("replay_char_write_event_load()")
        case .charReadAll, .charReadAllError: .device("replay_char_read_all_load()")
        case .audioOut: .device("replay_audio_out()")
        case .audioIn: .device("replay_audio_in_start()")
        case .audioInAt: .device("replay_audio_in_start_at()")
        case .random: .device("replay_read_random()")
        case .charRegister:
            EventRule(way: .call, outOfTurn: .divergence, call: "replay_register_char_driver()")
        case .hostDigest:
            EventRule(way: .call, outOfTurn: .divergence, leavesGuestAlone: true, call: "replay_digest()")
        }
    }

    private static var flushCall: StaticString { "replay_async_events() or replay_turn()" }
}

extension EventRule {
    /// A value that the guest gets from a device.
    fileprivate static func device(_ call: StaticString) -> EventRule {
        EventRule(way: .call, outOfTurn: .divergence, isOfDevice: true, call: call)
    }
}

/// Where a shutdown request comes from, by its cause.
enum ShutdownOrigin {
    /// The guest itself, which repeats it in PLAY.
    case guest
    /// The machine's user or its host: in PLAY nobody repeats it.
    case outside
}

extension ShutdownCause {
    var origin: ShutdownOrigin {
        [.guestShutdown, .guestReset, .guestPanic, .subsystemReset].contains(self) ? .guest : .outside
    }
}

extension Event {
    /// SHUTDOWN.
    var cause: ShutdownCause { ShutdownCause(rawValue: shutdownCause) }
}

/// Where the engine may deliver events that no call asks for.
enum DeliveryPlace {
    /// The vCPU thread asks how far it may run, or a thread waits, or the host ends the run: the guest does
    /// nothing more at this icount.
    case rest
    /// A turn of one of the host's threads.
    case turn
    /// The replay lock is released.
    case release
}
