import CReplay
import ReplayEngine
import ReplayLog
import ReplaySystem

extension Options {
    /// - Throws: BAD_OPTION, INVALID_ARGUMENT, NO_MEMORY.
    init(_ config: replay_config_t, environment: UnsafePointer<CChar>? = nil) throws(ReplayError) {
        var config = config
        // The strings of `config` may point into it.
        guard let room = CheckedMemory.allocate(replay_options_room(&config, environment)) else {
            throw ReplayError(.noMemory, "memory ran out for the options")
        }
        defer { CheckedMemory.free(room) }
        try Self.read(&config, environment, room)
        self.init()
        mode = Mode(rawValue: config.mode) ?? .none
        fileName = config.filename.map { String(fileName: $0) }
        snapshot = config.snapshot.map { String(fileName: $0) }
        switch Int(config.shift) {
        case REPLAY_SHIFT_DEFAULT: shift = .unset
        case REPLAY_SHIFT_AUTO: shift = .automatic
        default: shift = .fixed(UInt8(truncatingIfNeeded: config.shift))
        }
        sleep = Self.choice(config.sleep)
        align = Self.choice(config.align) ?? false
        blockData = Self.choice(config.block_data) ?? false
        lint = Self.choice(config.lint) ?? false
        goOnWhenFull = Self.choice(config.go_on_when_full) ?? false
        digestInterval = config.digest_interval
        if config.stall_ms != 0 { stallMilliseconds = config.stall_ms }
        if config.segment_bytes != 0 { segmentBytes = Int(config.segment_bytes) }
        createdNs = config.created_ns
        let written = config.snap_written == 0 ? nil : Int(clamping: config.snap_written)
        switch Int(config.snap_ms) {
        case REPLAY_SNAP_OFF: snapshots = .off
        case REPLAY_SNAP_MEMORY:
            snapshots = written == nil ? .memory : .file(milliseconds: nil, written: written)
        default: snapshots = .file(milliseconds: config.snap_ms, written: written)
        }
        if config.snap_bytes != 0 { snapshotBytes = config.snap_bytes }
        last = LogRing.Limits(
            bytes: config.last_bytes,
            nanoseconds: Int64(clamping: config.last_ms).multipliedClamping(by: 1_000_000))
        overwrites = Self.choice(config.overwrite) ?? true
        goesLive = Self.choice(config.live_end) ?? false
        overlayFolder = config.overlay_folder.map { String(fileName: $0) }
        if config.snap_memory != 0 { snapshotMemory = Int(clamping: config.snap_memory) }
    }

    /// Checks the members and applies the option strings, with C code that the stubs share.
    private static func read(
        _ config: inout replay_config_t, _ environment: UnsafePointer<CChar>?, _ room: UnsafeMutableRawPointer
    ) throws(ReplayError) {
        var status = Status.ok.code
        let message = withUnsafeTemporaryAllocation(of: CChar.self, capacity: ReplayError.messageRoom + 1) {
            message -> String? in
            guard let text = message.baseAddress else { return nil }
            let room = room.assumingMemoryBound(to: CChar.self)
            status = replay_options_read(&config, environment, room, text, message.count)
            return status == Status.ok.code ? nil : String(fileName: text)
        }
        guard let message else { return }
        let isBadOption = status == Status.badOption.code
        throw ReplayError(isBadOption ? .badOption : .invalidArgument, message)
    }

    private static func choice(_ value: replay_switch_t) -> Bool? {
        Int(value) == REPLAY_DEFAULT ? nil : Int(value) == REPLAY_ON
    }
}

extension Int64 {
    fileprivate func multipliedClamping(by factor: Int64) -> Int64 {
        let (product, overflow) = multipliedReportingOverflow(by: factor)
        return overflow ? .max : product
    }
}
