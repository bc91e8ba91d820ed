import CReplay
import ReplayLog

/// What a session is configured to do, from the struct and the option string.
package struct Options {
    /// A shift as it was asked for.
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

    static let segmentRange = 256...(1 << 30)

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
    /// Where temporary overlays are made; nil: where temporary files are.
    var overlayFolder: String?
    var createdNs: UInt64 = 0

    init() {}

    /// The configuration's size before anything was appended to it.
    package static let smallestSize =
        MemoryLayout<replay_config_t>.offset(of: \.overwrite) ?? MemoryLayout<replay_config_t>.size

    /// As much of the host's struct as its size says; what is missing has its default.
    package static func known(_ source: UnsafePointer<replay_config_t>) -> replay_config_t {
        var config = replay_config_t()
        let size = min(Int(source.pointee.size), MemoryLayout<replay_config_t>.size)
        withUnsafeMutableBytes(of: &config) { bytes in
            bytes.baseAddress?.copyMemory(from: UnsafeRawPointer(source), byteCount: size)
        }
        return config
    }

    /// - Throws: BAD_OPTION, INVALID_ARGUMENT.
    init(_ config: replay_config_t, environment: UnsafePointer<CChar>? = nil) throws(ReplayError) {
        guard (Int32(REPLAY_MODE_NONE)...Int32(REPLAY_MODE_PLAY)).contains(config.mode) else {
            throw ReplayError(.invalidArgument, "mode \(config.mode) does not exist")
        }
        mode = config.mode
        fileName = config.filename.map { String(fileName: $0) }
        snapshot = config.snapshot.map { String(fileName: $0) }
        switch Int(config.shift) {
        case REPLAY_SHIFT_DEFAULT: shift = .unset
        case REPLAY_SHIFT_AUTO: shift = .automatic
        case 0...Int(VirtualClock.maximalShift): shift = .fixed(UInt8(truncatingIfNeeded: config.shift))
        default: throw ReplayError(.badOption, "option shift is \(config.shift), but may be auto or 0 to 10")
        }
        sleep = try Self.choice("sleep", config.sleep)
        align = try Self.choice("align", config.align) ?? false
        blockData = try Self.choice("block_data", config.block_data) ?? false
        lint = try Self.choice("lint", config.lint) ?? false
        goOnWhenFull = try Self.choice("go_on_when_full", config.go_on_when_full) ?? false
        digestInterval = config.digest_interval
        if config.stall_ms != 0 { stallMilliseconds = config.stall_ms }
        if config.segment_bytes != 0 { try setSegment(UInt64(config.segment_bytes)) }
        createdNs = config.created_ns
        overwrites = try Self.choice("overwrite", config.overwrite) ?? true
        overlayFolder = config.overlay_folder.map { String(fileName: $0) }
        if let text = config.options { try apply(String(fileName: text)) }
        do throws(ReplayError) {
            if let text = environment { try apply(String(fileName: text)) }
        } catch {
            var error = error
            error.message += " (in the environment variable \(Self.variable))"
            throw error
        }
    }

    /// Options of the user's that the host's own parser would refuse.
    private static let variable = "LIBREPLAY_OPTIONS"

    private static func choice(_ name: String, _ value: replay_switch_t) throws(ReplayError) -> Bool? {
        switch Int(value) {
        case REPLAY_DEFAULT: return nil
        case REPLAY_ON: return true
        case REPLAY_OFF: return false
        default: throw ReplayError(.badOption, "option \(name) is \(value), which is no switch")
        }
    }

    // MARK: Option string

    /// Applies `key=value,key=value`; a comma within a value is written twice.
    private mutating func apply(_ text: String) throws(ReplayError) {
        for part in Self.split(text) where !part.isEmpty {
            let scalars = part.unicodeScalars
            guard let equals = scalars.firstIndex(of: "=") else {
                throw ReplayError(.badOption, "option '\(part)' has no value")
            }
            try set(String(scalars[..<equals]), String(scalars[scalars.index(after: equals)...]))
        }
    }

    /// By scalars: a comma may be followed by what makes one character with it.
    private static func split(_ text: String) -> [String] {
        var parts = [String.UnicodeScalarView()]
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            if scalar != "," {
                parts[parts.count - 1].append(scalar)
            } else if rest.first == "," {
                rest.removeFirst()
                parts[parts.count - 1].append(",")
            } else {
                parts.append(String.UnicodeScalarView())
            }
        }
        return parts.map { String($0) }
    }

    private mutating func set(_ key: String, _ value: String) throws(ReplayError) {
        switch key {
        case "shift":
            if value == "auto" {
                shift = .automatic
            } else {
                shift = .fixed(UInt8(truncatingIfNeeded: try Self.number(key, value, 0...10, or: "auto")))
            }
        case "sleep": sleep = try Self.flag(key, value)
        case "align": align = try Self.flag(key, value)
        case "rr":
            switch value {
            case "record": mode = Int32(truncatingIfNeeded: REPLAY_MODE_RECORD)
            case "replay": mode = Int32(truncatingIfNeeded: REPLAY_MODE_PLAY)
            default: throw Self.bad(key, value, "record or replay")
            }
        case "rrfile": fileName = value
        case "rrsnapshot": snapshot = value
        case "rrdata": blockData = try Self.flag(key, value)
        case "rrdigest": digestInterval = try Self.number(key, value, 0...UInt64.max)
        case "rrstall":
            stallMilliseconds = UInt32(
                truncatingIfNeeded: try Self.number(key, value, 1...UInt64(UInt32.max)))
        case "rrlint": lint = try Self.flag(key, value)
        case "rrfull":
            switch value {
            case "stop": goOnWhenFull = false
            case "go": goOnWhenFull = true
            default: throw Self.bad(key, value, "stop or go")
            }
        case "rroverwrite": overwrites = try Self.flag(key, value)
        case "rroverlay": overlayFolder = value
        case "rrsegment": try setSegment(try Self.number(key, value, 0...UInt64.max))
        default: throw ReplayError(.badOption, "option '\(key)' does not exist (its value is '\(value)')")
        }
    }

    private mutating func setSegment(_ bytes: UInt64) throws(ReplayError) {
        guard let size = Int(exactly: bytes), Self.segmentRange.contains(size) else {
            throw ReplayError(.badOption, "option rrsegment is \(bytes), but may be 256 to \(1 << 30)")
        }
        segmentBytes = size
    }

    private static func flag(_ key: String, _ value: String) throws(ReplayError) -> Bool {
        switch value {
        case "on": return true
        case "off": return false
        default: throw bad(key, value, "on or off")
        }
    }

    private static func number(
        _ key: String, _ value: String, _ range: ClosedRange<UInt64>, or word: String? = nil
    ) throws(ReplayError) -> UInt64 {
        guard let number = UInt64(value), range.contains(number) else {
            let other = word.map { ", or \($0)" } ?? ""
            throw bad(key, value, "a number from \(range.lowerBound) to \(range.upperBound)\(other)")
        }
        return number
    }

    private static func bad(_ key: String, _ value: String, _ allowed: String) -> ReplayError {
        ReplayError(.badOption, "option \(key) is '\(value)', but may be \(allowed)")
    }
}
