import ReplayLog
import ReplaySystem

/// What a converted log says about QEMU's log: pairs of the fingerprint, which any reader shows.
struct QEMUOrigin: Equatable {
    /// As the file has it; 0: its recorder died.
    var version: UInt32
    var format: QEMUFormat
    /// The file's size, with an event that was cut.
    var size: UInt64

    private enum Key {
        static let program = "converted-from"
        static let version = "qemu-version"
        static let kinds = "qemu-kinds"
        static let payloads = "qemu-payloads"
        static let size = "qemu-bytes"
    }

    var metadata: LogMetadata {
        let kinds = format.numbering == .qemu71 ? "7.1" : "7.2"
        let pairs = [
            (Key.program, "QEMU"), (Key.version, "0x" + String(version, radix: 16)), (Key.kinds, kinds),
            (Key.payloads, "0x" + String(format.version, radix: 16)), (Key.size, String(size)),
        ]
        return LogMetadata(
            fingerprint: pairs.map { (ByteText($0), ByteText($1)) }, shift: 255,
            flags: LogMetadata.convertedFlag)
    }

    init(version: UInt32, format: QEMUFormat, size: UInt64) {
        self.version = version
        self.format = format
        self.size = size
    }

    /// Nil unless it was converted from a log of QEMU's that can be read.
    init?(_ metadata: LogMetadata) {
        func value(_ key: String) -> String? {
            metadata.fingerprint.first { $0.key == ByteText(key) }?.value.string
        }
        func hexadecimal(_ key: String) -> UInt32? {
            value(key).flatMap { $0.hasPrefix("0x") ? UInt32($0.dropFirst(2), radix: 16) : nil }
        }
        guard metadata.isConverted, value(Key.program) == "QEMU", let version = hexadecimal(Key.version),
            let payloads = hexadecimal(Key.payloads), let kinds = value(Key.kinds),
            let size = value(Key.size).flatMap({ UInt64($0) }),
            let format = QEMUFormat.candidates(version: QEMUFormat.unfinished).first(where: {
                $0.version == payloads && ($0.numbering == .qemu71 ? "7.1" : "7.2") == kinds
            }), version == QEMUFormat.unfinished || version == format.version
        else { return nil }
        self.init(version: version, format: format, size: size)
    }
}
