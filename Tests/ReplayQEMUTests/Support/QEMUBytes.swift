import TestSupport

@testable import ReplayQEMU

/// A log's bytes, made from the format's table.
struct QEMUBytes {
    var format: QEMUFormat
    var bytes: [UInt8] = []

    init(_ format: QEMUFormat, version: UInt32? = nil) {
        self.format = format
        number(version ?? format.version)
        number(UInt64(0))
    }

    mutating func number<Number: FixedWidthInteger>(_ value: Number) {
        withUnsafeBytes(of: value.bigEndian) { bytes += $0 }
    }

    mutating func kind(_ kind: QEMUKind) {
        let isShifted = format.numbering == .qemu71 && kind.rawValue > 20
        bytes.append(isShifted ? kind.rawValue - 1 : kind.rawValue)
    }

    mutating func array(_ array: [UInt8]) {
        number(UInt32(array.count))
        bytes += array
    }

    /// One event of each kind that the format has, and of each form of input.
    static func everyKind(_ format: QEMUFormat, version: UInt32? = nil) -> (bytes: [UInt8], kinds: [QEMUKind])
    {
        var log = QEMUBytes(format, version: version)
        var kinds: [QEMUKind] = []
        func begin(_ kind: QEMUKind) {
            kinds.append(kind)
            log.kind(kind)
        }
        begin(.clockHost)
        log.number(Int64(-5))
        begin(.checkpointInit)
        for number in UInt8(0)..<39 where number != 21 && number != 37 {
            let kind = QEMUKind(rawValue: number)
            if format.numbering == .qemu71 && kind == .lastShutdown { continue }
            if kind == .input { continue }
            begin(kind)
            switch kind {
            case .instruction: log.number(UInt32(1000))
            case .bottomHalf, .bottomHalfOneshot, .block, .audioOut: log.number(UInt64(number) << 40)
            case .charRead:
                log.bytes.append(3)
                log.array([1, 2, 3])
            case .net:
                log.bytes.append(1)
                log.number(UInt32(7))
                log.array([UInt8](repeating: 9, count: 60))
            case .charWrite:
                log.number(Int32(-11))
                log.number(Int32(12))
            case .charReadAll: log.array([])
            case .charReadAllError: log.number(Int32(-32))
            case .audioIn:
                log.number(UInt64(2))
                if format.payloads == .c { log.number(UInt64(77)) }
                for sample in UInt64(0)..<4 { log.number(sample) }
            case .random:
                log.number(Int32(0))
                log.array([4, 5])
            case .clockHost, .clockVirtualRT: log.number(Int64.max)
            default: break
            }
        }
        for input in inputs(format) {
            begin(.input)
            log.bytes += input
        }
        begin(.end)
        return (log.bytes, kinds)
    }

    /// A payload for each form of input.
    static func inputs(_ format: QEMUFormat) -> [[UInt8]] {
        var log = QEMUBytes(format)
        var payloads: [[UInt8]] = []
        func payload(_ fill: (inout QEMUBytes) -> Void) {
            log.bytes = []
            fill(&log)
            payloads.append(log.bytes)
        }
        if format.payloads == .e {
            payload {
                $0.number(UInt32(0))
                $0.number(UInt32(30))
                $0.bytes.append(1)
            }
        } else {
            payload {
                $0.number(UInt64(0))
                $0.number(UInt64(31))
                $0.bytes.append(0)
            }
            payload {
                $0.number(UInt32(0))
                $0.number(UInt32(1))
                $0.number(UInt32(38))
                $0.bytes.append(1)
            }
        }
        payload {
            $0.number(UInt32(1))
            $0.number(UInt32(2))
            $0.bytes.append(1)
        }
        payload {
            $0.number(UInt32(2))
            $0.number(UInt32(1))
            $0.number(Int64(-3))
        }
        payload {
            $0.number(UInt32(3))
            $0.number(UInt32(0))
            $0.number(Int64(32767))
        }
        payload {
            $0.number(UInt32(4))
            $0.number(UInt32(1))
            $0.number(Int64(2))
            $0.number(Int64(-1))
            $0.number(UInt32(1))
            $0.number(Int64(500))
        }
        return payloads
    }

    static let formats = [
        QEMUFormat(numbering: .qemu72, payloads: .c), QEMUFormat(numbering: .qemu71, payloads: .c),
        QEMUFormat(numbering: .qemu72, payloads: .d), QEMUFormat(numbering: .qemu72, payloads: .e),
    ]
}

/// A file for one test, gone with it.
final class LogFile {
    private let scratch = Scratch()
    let path: String

    init(_ bytes: [UInt8] = []) {
        path = scratch.path("qemu.log")
        write(bytes)
    }

    func write(_ bytes: [UInt8]) { Files.write(path, bytes) }
}
