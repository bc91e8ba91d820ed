// The numbers of the C interface that the engine uses. A test compares them with the public headers.

/// How much a message matters.
package enum MessageLevel: Int32, Sendable {
    case info = 0
    case warning = 1
    case error = 2
}

/// Why the machine stops.
package enum StopReason: Int32, Sendable {
    /// PLAY: the end of a finished recording was reached.
    case end = 1
    /// PLAY: the end of a recording that was never finished.
    case cut = 2
    case divergence = 3
    case logError = 4
}

/// Why the library has paused the machine.
package enum PauseReason: Int32, Sendable {
    case request = 1
    case place = 2
    case breakpoint = 3
    case begin = 4
    case end = 5
}

/// The kinds of breakpoints, with the numbers of gdb's protocol.
package enum BreakKind: Int32, Sendable {
    case software = 0
    case hardware = 1
    case write = 2
    case read = 3
    case access = 4

    var isWatch: Bool {
        switch self {
        case .software, .hardware: false
        case .write, .read, .access: true
        }
    }
}

/// The clock that a host's timers are on.
package enum TimerClock: Int32, Sendable {
    case virtual = 0
    case host = 1
}

/// The recorded clocks.
package enum ClockNumber {
    package static let host: Int32 = 0
    package static let virtualRT: Int32 = 1
}

/// Why a machine is reset or ends. A log may have one that this library doesn't know.
package struct ShutdownCause: RawRepresentable, Equatable, Sendable {
    package var rawValue: Int32

    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let none = ShutdownCause(rawValue: 0)
    package static let hostError = ShutdownCause(rawValue: 1)
    package static let hostReset = ShutdownCause(rawValue: 3)
    package static let guestShutdown = ShutdownCause(rawValue: 6)
    package static let guestReset = ShutdownCause(rawValue: 7)
    package static let guestPanic = ShutdownCause(rawValue: 8)
    package static let subsystemReset = ShutdownCause(rawValue: 9)
    package static let snapshotLoad = ShutdownCause(rawValue: 10)
    /// The number of causes.
    package static let count: Int32 = 11

    /// Does the public header have it?
    var exists: Bool { (0..<Self.count).contains(rawValue) }

    /// May the machine go on after it?
    var isReset: Bool { [.hostReset, .guestReset, .subsystemReset, .snapshotLoad].contains(self) }
}

/// How a host says that the run ends.
package struct RunEnd {
    /// none: the last shutdown's.
    package var cause: ShutdownCause
    package var exitCode: Int32
    /// PLAY: before the log's end, which isn't a failure then.
    package var isOnPurpose: Bool

    /// nil: no such end exists.
    package init?(cause: Int32, exitCode: Int32, onPurpose: UInt32) {
        self.cause = ShutdownCause(rawValue: cause)
        guard self.cause.exists, onPurpose <= 1 else { return nil }
        self.exitCode = exitCode
        isOnPurpose = onPurpose == 1
    }

    init() { (cause, exitCode, isOnPurpose) = (.none, 0, false) }
}
