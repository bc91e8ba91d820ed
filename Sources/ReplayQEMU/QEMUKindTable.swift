import ReplayLog

/// The kinds of a converted log: those of this library where QEMU's have the same fields, and a few of their own.
enum QEMUKindTable {
    /// An INSTRUCTION: its instructions are the step of the icount.
    static let instruction: UInt8 = 41
    /// An input event, as QEMU's log has its payload.
    static let input: UInt8 = 42
    static let end: UInt8 = 43

    static let table: KindTable = {
        let shared: [EventKind] = [
            .interrupt, .exception, .bottomHalf, .bottomHalfOneshot, .inputSync, .charRead, .block, .net,
            .shutdown, .charWrite, .charReadAll, .charReadAllError, .audioOut, .audioIn, .random, .clockHost,
            .clockVirtualRT, .audioInAt, .checkpointClockWarpStart, .checkpointClockWarpAccount,
            .checkpointResetRequested, .checkpointSuspendRequested, .checkpointClockVirtual,
            .checkpointClockHost, .checkpointClockVirtualRT, .checkpointInit, .checkpointReset,
        ]
        let own = shared.map {
            KindTable.Entry(number: $0.rawValue, name: $0.name.description, layout: $0.layout.description)
        }
        return KindTable(
            entries: own + [
                .init(number: instruction, name: "QEMU_INSTRUCTION", layout: ""),
                .init(number: input, name: "QEMU_INPUT", layout: "b"),
                .init(number: end, name: "QEMU_END", layout: ""),
            ])
    }()

    /// The kind of a converted event, by QEMU's kind. 0: there is none.
    static func number(_ kind: QEMUKind, _ payloads: QEMUFormat.Payloads) -> UInt8 {
        switch kind {
        case .instruction: instruction
        case .interrupt: EventKind.interrupt.rawValue
        case .exception: EventKind.exception.rawValue
        case .bottomHalf: EventKind.bottomHalf.rawValue
        case .bottomHalfOneshot: EventKind.bottomHalfOneshot.rawValue
        case .input: input
        case .inputSync: EventKind.inputSync.rawValue
        case .charRead: EventKind.charRead.rawValue
        case .block: EventKind.block.rawValue
        case .net: EventKind.net.rawValue
        case .charWrite: EventKind.charWrite.rawValue
        case .charReadAll: EventKind.charReadAll.rawValue
        case .charReadAllError: EventKind.charReadAllError.rawValue
        case .audioOut: EventKind.audioOut.rawValue
        case .audioIn: payloads == .c ? EventKind.audioInAt.rawValue : EventKind.audioIn.rawValue
        case .random: EventKind.random.rawValue
        case .clockHost: EventKind.clockHost.rawValue
        case .clockVirtualRT: EventKind.clockVirtualRT.rawValue
        case .end: end
        case _ where kind.shutdownNumber != nil: EventKind.shutdown.rawValue
        case _ where kind.isCheckpoint: kind.rawValue &- 30 &+ EventKind.checkpointClockWarpStart.rawValue
        default: 0
        }
    }
}

extension QEMUKind {
    /// The cause of a shutdown, as this library numbers it, too.
    var shutdownNumber: UInt8? {
        (QEMUKind.shutdown.rawValue...QEMUKind.lastShutdown.rawValue).contains(rawValue)
            ? rawValue &- QEMUKind.shutdown.rawValue : nil
    }
}
