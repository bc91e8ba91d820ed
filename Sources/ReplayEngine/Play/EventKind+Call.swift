import ReplayLog

extension EventKind {
    /// Does an instruction of the guest's lead to it, that reads or writes a device?
    var isOfDevice: Bool {
        switch self {
        case .charWrite, .charReadAll, .charReadAllError, .audioOut, .audioIn, .audioInAt, .random,
            .clockHost, .clockVirtualRT:
            true
        default: false
        }
    }

    /// The call by which a host's thread comes to such an event.
    var call: StaticString {
        switch self {
        case .interrupt: "replay_interrupt()"
        case .exception: "replay_exception()"
        case .checkpointClockWarpStart: "replay_start_warp_timer()"
        case .checkpointClockWarpAccount, .digest: "replay_account_warp_timer()"
        case .checkpointResetRequested: "replay_checkpoint(REPLAY_CHECKPOINT_RESET_REQUESTED)"
        case .checkpointSuspendRequested: "replay_checkpoint(REPLAY_CHECKPOINT_SUSPEND_REQUESTED)"
        case .checkpointClockVirtual: "replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_VIRTUAL) or replay_turn()"
        case .checkpointClockHost: "replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_HOST) or replay_turn()"
        case .checkpointClockVirtualRT:
            "replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_VIRTUAL_RT) or replay_turn()"
        case .checkpointInit: "replay_checkpoint(REPLAY_CHECKPOINT_INIT)"
        case .checkpointReset: "replay_checkpoint(REPLAY_CHECKPOINT_RESET)"
        case .charWrite: "replay_char_write_event_load()"
        case .charReadAll, .charReadAllError: "replay_char_read_all_load()"
        case .audioOut: "replay_audio_out()"
        case .audioIn: "replay_audio_in_start()"
        case .audioInAt: "replay_audio_in_start_at()"
        case .charRegister: "replay_register_char_driver()"
        case .random: "replay_read_random()"
        case .clockHost, .clockVirtualRT:
            "replay_read_clock(), by REPLAY_CLOCK, or by REPLAY_CLOCK_LOCKED with the replay lock"
        case .hostDigest: "replay_digest()"
        case .shutdown: "replay_turn()"
        default: "replay_async_events() or replay_turn()"
        }
    }
}
