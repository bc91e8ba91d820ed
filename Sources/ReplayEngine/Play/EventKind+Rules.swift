import CReplay
import ReplayLog

/// What PLAY must know of a kind of event. Each rule about a kind is written here, once.
struct EventRule {
    /// What leads to the event in PLAY.
    enum Way {
        /// A call in the host's own course: an interrupt, a value, a digest of the host's.
        case call
        /// A reading of a clock; one of the I/O thread may be passed over.
        case reading
        /// A checkpoint: the host asks for it, or the library's turn does.
        case checkpoint
        /// A flush of the queue, by the vCPU thread.
        case flush
        /// The vCPU thread's turn; without turns, its flush.
        case digest
        /// The host's own request, or, if that doesn't come, the engine.
        case shutdown
    }

    var way: Way
    /// Its place within a turn of the vCPU thread; 0: not part of one. RECORD takes each step at most
    /// once in a turn, in this order, so an event whose step isn't later belongs to another turn.
    var vcpuStep: UInt8 = 0
    /// The same for a turn of the I/O thread.
    var ioStep: UInt8 = 0
    /// Can only an arrival lead to it: of a completion, of a bottom half?
    var needsArrival = false
    /// Is it the completion of a disk request?
    var isRequest = false
    /// Does the guest's state stay as it is?
    var leavesGuestAlone = false
}

extension EventKind {
    var rule: EventRule {
        switch self {
        case .digest: EventRule(way: .digest, vcpuStep: 1, leavesGuestAlone: true)
        case .flush: EventRule(way: .flush, vcpuStep: 2, leavesGuestAlone: true)
        case .input, .inputFrom, .inputSync, .charRead, .net: EventRule(way: .flush, vcpuStep: 2)
        case .bottomHalf, .bottomHalfOneshot: EventRule(way: .flush, vcpuStep: 2, needsArrival: true)
        case .block, .blockRead, .blockData:
            EventRule(way: .flush, vcpuStep: 2, needsArrival: true, isRequest: true)
        case .shutdown: EventRule(way: .shutdown)
        case .clockHost, .clockVirtualRT: EventRule(way: .reading, leavesGuestAlone: true)
        case .checkpointClockVirtualRT:
            EventRule(way: .checkpoint, vcpuStep: 3, ioStep: 1, leavesGuestAlone: true)
        case .checkpointClockWarpAccount:
            EventRule(way: .checkpoint, vcpuStep: 4, leavesGuestAlone: true)
        case .checkpointClockVirtual: EventRule(way: .checkpoint, vcpuStep: 5)
        case .checkpointClockHost: EventRule(way: .checkpoint, ioStep: 2)
        case .checkpointResetRequested, .checkpointSuspendRequested:
            EventRule(way: .checkpoint, ioStep: 3)
        case .checkpointClockWarpStart:
            EventRule(way: .checkpoint, ioStep: 4, leavesGuestAlone: true)
        case .checkpointInit, .checkpointReset: EventRule(way: .checkpoint)
        case .hostDigest: EventRule(way: .call, leavesGuestAlone: true)
        case .interrupt, .exception, .charWrite, .charReadAll, .charReadAllError, .audioOut, .audioIn,
            .audioInAt, .random, .charRegister:
            EventRule(way: .call)
        }
    }

    var isCheckpoint: Bool { rule.way == .checkpoint }
    /// Does a flush of the queue lead to it?
    var isAsynchronous: Bool { rule.way == .flush }

    /// The thread that meets it in a host whose one thread does everything.
    var usualRole: ThreadRole {
        switch self {
        case .checkpointClockWarpStart, .checkpointResetRequested, .checkpointSuspendRequested,
            .checkpointClockHost, .checkpointClockVirtualRT:
            .io
        default: .vcpu
        }
    }
}

/// Where a shutdown request comes from, by its cause.
enum ShutdownOrigin {
    /// The guest's own course, which repeats it in PLAY.
    case guest
    /// The machine's user or its host: in PLAY nobody repeats it.
    case outside

    init(cause: Int32) {
        switch Int(cause) {
        case REPLAY_SHUTDOWN_GUEST_SHUTDOWN, REPLAY_SHUTDOWN_GUEST_RESET, REPLAY_SHUTDOWN_GUEST_PANIC,
            REPLAY_SHUTDOWN_SUBSYSTEM_RESET:
            self = .guest
        default: self = .outside
        }
    }
}

/// Where the engine may deliver what nobody asks for.
enum DeliveryPlace {
    /// The vCPU thread asks how far it may run, or a thread waits, or the host ends the run: nothing of
    /// the guest's own course is left at this icount.
    case rest
    /// A turn of one of the host's threads.
    case turn
    /// The replay lock is released.
    case release
}
