/// What happened: bits 0 to 5 of an event's first byte.
///
/// The numbers are fixed for ever. 0 is never valid, so that zero bytes are never an event.
public enum EventKind: UInt8, Sendable, CaseIterable {
    case interrupt = 1
    case exception = 2
    case bottomHalf = 3
    case bottomHalfOneshot = 4
    case input = 5
    case inputSync = 6
    case charRead = 7
    case block = 8
    case blockRead = 9
    case blockData = 10
    case net = 11
    case shutdown = 12
    case charWrite = 13
    case charReadAll = 14
    case charReadAllError = 15
    case audioOut = 16
    case audioIn = 17
    case random = 18
    case clockHost = 19
    case clockVirtualRT = 20
    case digest = 21
    case hostDigest = 22
    case flush = 23
    case inputFrom = 24
    case charRegister = 25
    case audioInAt = 26
    case checkpointClockWarpStart = 32
    case checkpointClockWarpAccount = 33
    case checkpointResetRequested = 34
    case checkpointSuspendRequested = 35
    case checkpointClockVirtual = 36
    case checkpointClockHost = 37
    case checkpointClockVirtualRT = 38
    case checkpointInit = 39
    case checkpointReset = 40

    /// The number of the kind of a reading of a clock, as the public header numbers those. Nil: no such clock.
    @inlinable @inline(__always)
    public static func number(ofClock clock: Int32) -> UInt64? {
        UInt32(bitPattern: clock) < 2 ? 19 &+ UInt64(UInt32(bitPattern: clock)) : nil
    }

    /// The name in the file's table of kinds, for people and for tools.
    package var name: StaticString {
        switch self {
        case .interrupt: "INTERRUPT"
        case .exception: "EXCEPTION"
        case .bottomHalf: "BOTTOM_HALF"
        case .bottomHalfOneshot: "BOTTOM_HALF_ONESHOT"
        case .input: "INPUT"
        case .inputSync: "INPUT_SYNC"
        case .charRead: "CHAR_READ"
        case .block: "BLOCK"
        case .blockRead: "BLOCK_READ"
        case .blockData: "BLOCK_DATA"
        case .net: "NET"
        case .shutdown: "SHUTDOWN"
        case .charWrite: "CHAR_WRITE"
        case .charReadAll: "CHAR_READ_ALL"
        case .charReadAllError: "CHAR_READ_ALL_ERROR"
        case .audioOut: "AUDIO_OUT"
        case .audioIn: "AUDIO_IN"
        case .random: "RANDOM"
        case .clockHost: "CLOCK_HOST"
        case .clockVirtualRT: "CLOCK_VIRTUAL_RT"
        case .digest: "DIGEST"
        case .hostDigest: "HOST_DIGEST"
        case .flush: "FLUSH"
        case .inputFrom: "INPUT_FROM"
        case .charRegister: "CHAR_REGISTER"
        case .audioInAt: "AUDIO_IN_AT"
        case .checkpointClockWarpStart: "CHECKPOINT_CLOCK_WARP_START"
        case .checkpointClockWarpAccount: "CHECKPOINT_CLOCK_WARP_ACCOUNT"
        case .checkpointResetRequested: "CHECKPOINT_RESET_REQUESTED"
        case .checkpointSuspendRequested: "CHECKPOINT_SUSPEND_REQUESTED"
        case .checkpointClockVirtual: "CHECKPOINT_CLOCK_VIRTUAL"
        case .checkpointClockHost: "CHECKPOINT_CLOCK_HOST"
        case .checkpointClockVirtualRT: "CHECKPOINT_CLOCK_VIRTUAL_RT"
        case .checkpointInit: "CHECKPOINT_INIT"
        case .checkpointReset: "CHECKPOINT_RESET"
        }
    }

    /// The payload's fields, one letter each (see ``EventLayout``).
    package var layout: StaticString {
        switch self {
        case .interrupt, .exception, .inputSync: ""
        case .bottomHalf, .bottomHalfOneshot: "u"  // id
        case .input: "usssss"
        case .charRead: "ub"  // device, bytes
        case .block: "us"  // request, result
        case .blockRead: "usq"  // request, result, digest of the data
        case .blockData: "usb"  // request, result, data
        case .net: "uub"  // device, flags, packet
        case .shutdown: "u"  // cause
        case .charWrite: "ss"  // result, offset
        case .charReadAll: "b"
        case .charReadAllError: "s"
        case .audioOut: "u"  // samples played
        case .audioIn: "ub"  // samples, their bytes
        case .random: "sb"  // result, bytes
        case .clockHost, .clockVirtualRT: "c"
        case .digest: "q"
        case .hostDigest: "q"
        case .flush: "uu"  // number; 0: of a turn, 1: of its own, 2: at the end
        case .inputFrom: "usssss"  // origin and kind, values
        case .charRegister: "u"  // device
        case .audioInAt: "uub"  // samples, position, their bytes
        case .checkpointClockWarpStart, .checkpointClockWarpAccount, .checkpointResetRequested,
            .checkpointSuspendRequested, .checkpointClockVirtual, .checkpointClockHost,
            .checkpointClockVirtualRT, .checkpointInit, .checkpointReset:
            ""
        }
    }
}
