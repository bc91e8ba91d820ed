import CReplay
import ReplayEngine
import ReplayLog

// Structs of the public headers, and what the engine has for them.

extension replay_info_t {
    init(_ info: RunInfo) {
        self.init()
        mode = info.mode.rawValue
        icount = info.icount
        events = info.events
        total_events = info.end?.events ?? 0
        event_bytes = info.eventBytes
        log_stalls = info.logStalls
        queued = info.queued
        virtual_ns = info.virtualNs
        warped_ns = info.warpedNs
        shift = info.shift
        log_version = info.logVersion
        at_end = info.isAtEnd ? 1 : 0
        log_finished = info.end == nil ? 0 : 1
        block_data = info.hasBlockData ? 1 : 0
        snapshots = info.snapshots
        total_icount = info.end?.icount ?? 0
        end_cause = info.end?.cause.rawValue ?? 0
        end_exit_code = info.end?.exitCode ?? 0
        break_icount = info.breakIcount
        first_icount = info.firstIcount
    }
}

extension InputFields {
    init(_ plain: replay_input_event_t) {
        self.init(
            kind: Int64(plain.kind), origin: nil, code: Int64(plain.code), axis: plain.axis,
            slot: plain.slot, trackingID: plain.tracking_id, value: plain.value)
    }

    init(_ input: replay_input_t) {
        self.init(
            kind: Int64(input.kind), origin: Origin(port: input.port, device: input.device),
            code: input.code, axis: input.axis, slot: input.slot, trackingID: input.tracking_id,
            value: input.value)
    }
}

extension Status {
    /// Its number in the C interface. Here, so that a successful call looks nothing up.
    var code: Int32 {
        @inline(__always) get { if case .ok = self { 0 } else { rawValue } }
    }
}

extension replay_input_t {
    init(_ input: InputFields) {
        self.init(
            size: UInt32(MemoryLayout<replay_input_t>.size), kind: Int32(truncatingIfNeeded: input.kind),
            port: input.origin?.port ?? 0, device: input.origin?.device ?? 0, code: input.code,
            axis: input.axis, slot: input.slot, tracking_id: input.trackingID, value: input.value)
    }

    /// For a host without the callback for origins.
    var plain: replay_input_event_t { withUnsafePointer(to: self) { replay_input_plain($0) } }
}
