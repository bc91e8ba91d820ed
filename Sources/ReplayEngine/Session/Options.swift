import CReplay
import ReplayLog
import ReplaySystem

/// The configuration of a session, from the struct and the option string.
package struct Options {
    /// The shift in the configuration.
    enum Shift: Equatable {
        case unset
        case fixed(UInt8)
        case automatic

        var description: String {
            switch self {
            case .unset: "default"
            case .fixed(let shift): "\(shift)"
            case .automatic: "auto"
            }
        }
    }

    var mode = Int32(truncatingIfNeeded: REPLAY_MODE_NONE)
    var fileName: String?
    var snapshot: String?
    var shift = Shift.unset
    /// nil: on, or as recorded.
    var sleep: Bool?
    var align = false
    var blockData = false
    var lint = false
    var goOnWhenFull = false
    var digestInterval: UInt64 = 0
    var stallMilliseconds: UInt32 = 1000
    var segmentBytes = 1 << 20
    var overwrites = true
    /// The folder for temporary overlays; nil: that of temporary files.
    var overlayFolder: String?
    var createdNs: UInt64 = 0
    /// For tests: makes system calls on the run's files fail.
    package var faults: SyscallFaults?

    init() {}

    /// The configuration's size before anything was appended to it.
    package static let smallestSize =
        MemoryLayout<replay_config_t>.offset(of: \.overwrite) ?? MemoryLayout<replay_config_t>.size

    /// - Throws: BAD_OPTION, INVALID_ARGUMENT, NO_MEMORY.
    init(_ config: replay_config_t, environment: UnsafePointer<CChar>? = nil) throws(ReplayError) {
        var config = config
        // The strings of `config` may point into it.
        guard let room = CheckedMemory.allocate(replay_options_room(&config, environment)) else {
            throw ReplayError(.noMemory, "memory ran out for the options")
        }
        defer { CheckedMemory.free(room) }
        try Self.read(&config, environment, room)
        mode = config.mode
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
        overwrites = Self.choice(config.overwrite) ?? true
        overlayFolder = config.overlay_folder.map { String(fileName: $0) }
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
