import CReplay

/// A status of the C interface: 0 success, positive an answer, negative a failure.
package struct Status: Equatable, Sendable {
    package var code: Int32

    private init(_ code: Int) { self.code = Int32(truncatingIfNeeded: code) }

    package static var ok: Status { Status(REPLAY_OK) }
    package static var timeout: Status { Status(REPLAY_TIMEOUT) }

    package static var invalidArgument: Status { Status(REPLAY_ERROR_INVALID_ARGUMENT) }
    package static var wrongState: Status { Status(REPLAY_ERROR_WRONG_STATE) }
    package static var wrongMode: Status { Status(REPLAY_ERROR_WRONG_MODE) }
    package static var lockNotHeld: Status { Status(REPLAY_ERROR_LOCK_NOT_HELD) }
    package static var lockHeld: Status { Status(REPLAY_ERROR_LOCK_HELD) }
    package static var wrongRole: Status { Status(REPLAY_ERROR_WRONG_ROLE) }
    package static var reentered: Status { Status(REPLAY_ERROR_REENTERED) }
    package static var structSize: Status { Status(REPLAY_ERROR_STRUCT_SIZE) }
    package static var badOption: Status { Status(REPLAY_ERROR_BAD_OPTION) }
    package static var icountBackwards: Status { Status(REPLAY_ERROR_ICOUNT_BACKWARDS) }
    package static var notSupported: Status { Status(REPLAY_ERROR_NOT_SUPPORTED) }

    package static var forked: Status { Status(REPLAY_ERROR_FORKED) }
    package static var threadEnded: Status { Status(REPLAY_ERROR_THREAD_ENDED) }

    package static var noMemory: Status { Status(REPLAY_ERROR_NO_MEMORY) }
    package static var system: Status { Status(REPLAY_ERROR_SYSTEM) }
    package static var diskFull: Status { Status(REPLAY_ERROR_DISK_FULL) }
    package static var blocked: Status { Status(REPLAY_ERROR_BLOCKED) }

    package static var logNotFound: Status { Status(REPLAY_ERROR_LOG_NOT_FOUND) }
    package static var logNotALog: Status { Status(REPLAY_ERROR_LOG_NOT_A_LOG) }
    package static var logVersion: Status { Status(REPLAY_ERROR_LOG_VERSION) }
    package static var logDamaged: Status { Status(REPLAY_ERROR_LOG_DAMAGED) }
    package static var logBusy: Status { Status(REPLAY_ERROR_LOG_BUSY) }
    package static var logEmpty: Status { Status(REPLAY_ERROR_LOG_EMPTY) }
    package static var logCut: Status { Status(REPLAY_ERROR_LOG_CUT) }
    package static var logExists: Status { Status(REPLAY_ERROR_LOG_EXISTS) }
    package static var logLost: Status { Status(REPLAY_ERROR_LOG_LOST) }

    package static var fingerprint: Status { Status(REPLAY_ERROR_FINGERPRINT) }
    package static var divergence: Status { Status(REPLAY_ERROR_DIVERGENCE) }
    package static var stalled: Status { Status(REPLAY_ERROR_STALLED) }
    package static var stoppedShort: Status { Status(REPLAY_ERROR_STOPPED_SHORT) }
    package static var blockData: Status { Status(REPLAY_ERROR_BLOCK_DATA) }
    package static var digest: Status { Status(REPLAY_ERROR_DIGEST) }

    /// The status's own sentence, for messages that add to it.
    package var sentence: String { String(cString: replay_status_sentence(code)) }
}
