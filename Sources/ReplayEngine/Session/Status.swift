/// A status of the C interface: 0 success, positive an answer, negative a failure.
package enum Status: Int32, CaseIterable, Sendable {
    case ok = 0
    case timeout = 1

    case invalidArgument = -101
    case wrongState = -102
    case wrongMode = -103
    case lockNotHeld = -104
    case lockHeld = -105
    case wrongRole = -106
    case reentered = -107
    case structSize = -108
    case badOption = -109
    case icountBackwards = -110
    case notSupported = -111

    case forked = -112
    case threadEnded = -113
    case notQuiet = -114

    case noMemory = -201
    case system = -202
    case diskFull = -203
    case blocked = -204

    case logNotFound = -301
    case logNotALog = -302
    case logVersion = -303
    case logDamaged = -304
    case logBusy = -305
    case logEmpty = -306
    case logCut = -307
    case logExists = -308
    case logLost = -309
    case position = -310

    case fingerprint = -401
    case divergence = -402
    case stalled = -403
    case stoppedShort = -404
    case blockData = -405
    case digest = -406
}
