import CReplay
import ReplayLog
import Testing

@testable import Replay
@testable import ReplayEngine

/// The engine has enums of its own; their numbers are those of the public headers.
@Suite struct CInterfaceTests {
    /// "logCut" as "LOG_CUT".
    private func constant(_ name: String) -> String {
        name.reduce(into: "") { $0 += $1.isUppercase ? "_\($1)" : $1.uppercased() }
    }

    @Test func statusesAreThoseOfTheHeader() {
        for status in Status.allCases {
            let name = String(cString: replay_status_name(status.code))
            let expected = constant("\(status)")
            #expect(name == (status.code < 0 ? "ERROR_\(expected)" : expected), "\(status)")
        }
        let known = (-999...999).filter { String(cString: replay_status_name($0)) != "UNKNOWN" }
        #expect(known.count == Status.allCases.count)
    }

    @Test func overlaysAreThoseOfTheHeader() {
        #expect(DiskConfiguration.OverlayKind.usual.rawValue == Int32(REPLAY_BLOCK_OVERLAY_DEFAULT))
        #expect(DiskConfiguration.OverlayKind.temporary.rawValue == Int32(REPLAY_BLOCK_OVERLAY_TEMPORARY))
        #expect(DiskConfiguration.OverlayKind.file.rawValue == Int32(REPLAY_BLOCK_OVERLAY_FILE))
        #expect(DiskConfiguration.OverlayKind.off.rawValue == Int32(REPLAY_BLOCK_OVERLAY_OFF))
        #expect(BlockRequest.forced == UInt32(REPLAY_BLOCK_FUA))
    }

    @Test func numbersAreThoseOfTheHeaders() {
        let pairs: [(Int32, Int)] = [
            (Mode.none.rawValue, REPLAY_MODE_NONE), (Mode.record.rawValue, REPLAY_MODE_RECORD),
            (Mode.play.rawValue, REPLAY_MODE_PLAY),
            (ThreadRoles.vcpu.bits, REPLAY_THREAD_VCPU), (ThreadRoles.io.bits, REPLAY_THREAD_IO),
            (MessageLevel.info.rawValue, REPLAY_MESSAGE_INFO),
            (MessageLevel.warning.rawValue, REPLAY_MESSAGE_WARNING),
            (MessageLevel.error.rawValue, REPLAY_MESSAGE_ERROR),
            (StopReason.end.rawValue, REPLAY_STOP_END), (StopReason.cut.rawValue, REPLAY_STOP_CUT),
            (StopReason.divergence.rawValue, REPLAY_STOP_DIVERGENCE),
            (StopReason.logError.rawValue, REPLAY_STOP_LOG_ERROR),
            (TimerClock.virtual.rawValue, REPLAY_TIMERS_VIRTUAL),
            (TimerClock.host.rawValue, REPLAY_TIMERS_HOST),
            (ClockNumber.host, REPLAY_CLOCK_HOST), (ClockNumber.virtualRT, REPLAY_CLOCK_VIRTUAL_RT),
            (ShutdownCause.none.rawValue, REPLAY_SHUTDOWN_NONE),
            (ShutdownCause.hostError.rawValue, REPLAY_SHUTDOWN_HOST_ERROR),
            (ShutdownCause.hostReset.rawValue, REPLAY_SHUTDOWN_HOST_RESET),
            (ShutdownCause.guestShutdown.rawValue, REPLAY_SHUTDOWN_GUEST_SHUTDOWN),
            (ShutdownCause.guestReset.rawValue, REPLAY_SHUTDOWN_GUEST_RESET),
            (ShutdownCause.guestPanic.rawValue, REPLAY_SHUTDOWN_GUEST_PANIC),
            (ShutdownCause.subsystemReset.rawValue, REPLAY_SHUTDOWN_SUBSYSTEM_RESET),
            (ShutdownCause.snapshotLoad.rawValue, REPLAY_SHUTDOWN_SNAPSHOT_LOAD),
            (ShutdownCause.count, REPLAY_SHUTDOWN_COUNT),
            (Int32(InputFields.kinds), REPLAY_INPUT_COUNT),
            (Int32(InputFields.mostPorts), REPLAY_PORT_MAX + 1),
            (Int32(ReplayError.messageRoom), MemoryLayout.size(ofValue: replay_error_t().message) - 1),
        ]
        for (index, (ours, header)) in pairs.enumerated() { #expect(Int(ours) == header, "pair \(index)") }
    }

    @Test func checkpointsAreThoseOfTheHeader() {
        #expect(
            Session.kind(ofCheckpoint: Int32(REPLAY_CHECKPOINT_CLOCK_WARP_START)) == .checkpointClockWarpStart
        )
        #expect(Session.kind(ofCheckpoint: Int32(REPLAY_CHECKPOINT_RESET)) == .checkpointReset)
        #expect(Session.kind(ofCheckpoint: Int32(REPLAY_CHECKPOINT_COUNT)) == nil)
        #expect(Session.kind(ofCheckpoint: -1) == nil)
    }
}
