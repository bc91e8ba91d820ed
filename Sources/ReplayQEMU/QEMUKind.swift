import ReplayLog

/// A kind of event of QEMU's logs, as QEMU 7.2 and later number them.
///
/// QEMU 7.1 numbers the kinds from 20 on one lower (``QEMUFormat/Numbering``); readers see the numbers of 7.2 only.
package struct QEMUKind: RawRepresentable, Hashable, Sendable {
    package var rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    private init(_ number: UInt8) {
        rawValue = number
    }

    package static let instruction = QEMUKind(0)
    package static let interrupt = QEMUKind(1)
    package static let exception = QEMUKind(2)
    package static let bottomHalf = QEMUKind(3)
    package static let bottomHalfOneshot = QEMUKind(4)
    package static let input = QEMUKind(5)
    package static let inputSync = QEMUKind(6)
    package static let charRead = QEMUKind(7)
    package static let block = QEMUKind(8)
    package static let net = QEMUKind(9)
    /// The first of the shutdowns, one for each cause.
    package static let shutdown = QEMUKind(10)
    package static let lastShutdown = QEMUKind(20)
    package static let charWrite = QEMUKind(22)
    package static let charReadAll = QEMUKind(23)
    package static let charReadAllError = QEMUKind(24)
    package static let audioOut = QEMUKind(25)
    package static let audioIn = QEMUKind(26)
    package static let random = QEMUKind(27)
    package static let clockHost = QEMUKind(28)
    package static let clockVirtualRT = QEMUKind(29)
    package static let checkpointInit = QEMUKind(37)
    package static let end = QEMUKind(39)

    /// The number of numbers, with the one that is unused.
    package static let count = QEMUHeader.kinds

    package var isCheckpoint: Bool { (30...38).contains(rawValue) }

    /// The cause of a shutdown, by name; nil: a different kind.
    package var shutdownCause: String? {
        guard (QEMUKind.shutdown.rawValue...QEMUKind.lastShutdown.rawValue).contains(rawValue) else {
            return nil
        }
        return String(name.dropFirst("SHUTDOWN_".count))
    }

    /// The name, for people and for tools.
    package var name: String {
        let number = Int(rawValue)
        return number < QEMUKind.names.count ? QEMUKind.names[number] : "KIND_\(number)"
    }

    private static let names = [
        "INSTRUCTION", "INTERRUPT", "EXCEPTION", "ASYNC_BH", "ASYNC_BH_ONESHOT", "ASYNC_INPUT",
        "ASYNC_INPUT_SYNC", "ASYNC_CHAR_READ", "ASYNC_BLOCK", "ASYNC_NET", "SHUTDOWN_none",
        "SHUTDOWN_host-error", "SHUTDOWN_host-qmp-quit", "SHUTDOWN_host-qmp-system-reset",
        "SHUTDOWN_host-signal", "SHUTDOWN_host-ui", "SHUTDOWN_guest-shutdown", "SHUTDOWN_guest-reset",
        "SHUTDOWN_guest-panic", "SHUTDOWN_subsystem-reset", "SHUTDOWN_snapshot-load", "UNUSED", "CHAR_WRITE",
        "CHAR_READ_ALL", "CHAR_READ_ALL_ERROR", "AUDIO_OUT", "AUDIO_IN", "RANDOM", "CLOCK_HOST",
        "CLOCK_VIRTUAL_RT", "CP_CLOCK_WARP_START", "CP_CLOCK_WARP_ACCOUNT", "CP_RESET_REQUESTED",
        "CP_SUSPEND_REQUESTED", "CP_CLOCK_VIRTUAL", "CP_CLOCK_HOST", "CP_CLOCK_VIRTUAL_RT", "CP_INIT",
        "CP_RESET", "END",
    ]
}
