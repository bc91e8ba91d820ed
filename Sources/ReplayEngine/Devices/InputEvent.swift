import CReplay
import ReplayLog

/// An input event on its way through the queue.
struct InputEvent {
    var content: replay_input_t
    /// Posted with port and device: stored as a kind of its own.
    var hasOrigin: Bool

    static let mostPorts: UInt32 = 1 << 16

    init(_ plain: replay_input_event_t) {
        content = withUnsafePointer(to: plain) { replay_input_of($0) }
        hasOrigin = false
    }

    init(_ content: replay_input_t) {
        self.content = content
        self.content.size = UInt32(MemoryLayout<replay_input_t>.size)
        hasOrigin = true
    }

    /// For a host without the callback for origins.
    var plain: replay_input_event_t {
        withUnsafePointer(to: content) { replay_input_plain($0) }
    }

    // MARK: In the log

    var logKind: EventKind { hasOrigin ? .inputFrom : .input }

    /// The kind, and with an origin the port above it and the device above that.
    var logHead: Int64 {
        Int64(content.kind) | Int64(content.port) << 8 | Int64(content.device) << 24
    }

    /// nil: no such input exists.
    init?(_ event: Event) {
        let hasOrigin = event.knownKind == .inputFrom
        let kind = hasOrigin ? event.a & 0xff : event.a
        guard (0..<Int64(REPLAY_INPUT_COUNT)).contains(kind), event.a >> 56 == 0 else { return nil }
        content = replay_input_t(
            size: UInt32(MemoryLayout<replay_input_t>.size), kind: Int32(truncatingIfNeeded: kind),
            port: hasOrigin ? UInt32(truncatingIfNeeded: event.a >> 8 & 0xffff) : 0,
            device: hasOrigin ? UInt32(truncatingIfNeeded: event.a >> 24) : 0, code: event.b,
            axis: Int32(truncatingIfNeeded: event.c), slot: Int32(truncatingIfNeeded: event.d),
            tracking_id: event.e, value: event.f)
        self.hasOrigin = hasOrigin
    }
}
