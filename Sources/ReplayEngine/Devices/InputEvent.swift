import CReplay
import ReplayLog

/// An input event in the queue.
struct InputEvent {
    var content: replay_input_t
    /// Was it posted with port and device? Then it is stored as a different kind.
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

    /// For a host without the callback that takes port and device.
    var plain: replay_input_event_t {
        withUnsafePointer(to: content) { replay_input_plain($0) }
    }

    // MARK: In the log

    var fields: InputFields {
        InputFields(
            kind: Int64(content.kind),
            origin: hasOrigin ? .init(port: content.port, device: content.device) : nil,
            code: content.code, axis: content.axis, slot: content.slot, trackingID: content.tracking_id,
            value: content.value)
    }

    /// nil: such an input doesn't exist.
    init?(_ event: Event) {
        guard let fields = event.input, (0..<Int64(REPLAY_INPUT_COUNT)).contains(fields.kind) else {
            return nil
        }
        content = replay_input_t(
            size: UInt32(MemoryLayout<replay_input_t>.size), kind: Int32(truncatingIfNeeded: fields.kind),
            port: fields.origin?.port ?? 0, device: fields.origin?.device ?? 0, code: fields.code,
            axis: fields.axis, slot: fields.slot, tracking_id: fields.trackingID, value: fields.value)
        hasOrigin = fields.origin != nil
    }
}
