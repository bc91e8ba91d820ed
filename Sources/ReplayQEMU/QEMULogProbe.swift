import ReplayLog

/// Finds the format of a log by reading its beginning in each that is possible. A log with a version has one or two
/// possible formats; one without has four, and is read further.
enum QEMULogProbe {
    private struct Outcome {
        /// The first checkpoint is INIT. In a wrong numbering it is something else.
        var beginsWithInit = false
        /// Every byte that was read belongs to an event.
        var isValid = true
        /// The bytes that were read as events.
        var reach: UInt64 = 0

        /// The more convincing one is the greater.
        var rank: (Int, Int, UInt64) { (beginsWithInit ? 1 : 0, isValid ? 1 : 0, isValid ? 0 : reach) }
    }

    static func choose(_ candidates: [QEMUFormat], version: UInt32, _ file: QEMUFile) throws(LogError)
        -> QEMUFormat?
    {
        guard candidates.count > 1 else { return candidates.first }
        let limit: UInt64 = version == QEMUFormat.unfinished ? 1 << 26 : 1 << 20
        var best: (format: QEMUFormat, outcome: Outcome)?
        for format in try ordered(candidates, file) {
            let outcome = try read(format, limit, file)
            if let known = best, known.outcome.rank >= outcome.rank { continue }
            best = (format, outcome)
            // Nothing can convince more.
            if outcome.beginsWithInit && outcome.isValid { break }
        }
        return best?.format
    }

    /// The last byte of a clean log is the number of END.
    private static func ordered(_ candidates: [QEMUFormat], _ file: QEMUFile) throws(LogError) -> [QEMUFormat]
    {
        var last: UInt8 = 0
        let count = try withUnsafeMutableBytes(of: &last) { bytes throws(LogError) in
            try file.read(into: bytes, at: file.size &- min(file.size, 1))
        }
        guard count == 1 else { return candidates }
        return candidates.filter { $0.kind(last) == .end } + candidates.filter { $0.kind(last) != .end }
    }

    private static func read(_ format: QEMUFormat, _ limit: UInt64, _ file: QEMUFile) throws(LogError)
        -> Outcome
    {
        let measure = QEMUMeasure(format)
        defer { measure.deallocate() }
        var outcome = Outcome()
        var seenCheckpoint = false
        var window = try QEMUWindow(file, at: UInt64(QEMULogReader.headerSize))
        while window.offset < limit, try window.require(1) {
            var length = measure.length(window.place, available: window.available)
            while let wanted = length, wanted > window.available {
                guard try window.require(wanted) else { break }
                length = measure.length(window.place, available: window.available)
            }
            guard let length else {
                outcome.isValid = false
                break
            }
            if length > window.available { break }
            if !seenCheckpoint {
                let kind = measure.kind(window.place.load(as: UInt8.self))
                seenCheckpoint = kind.isCheckpoint
                outcome.beginsWithInit = kind == .checkpointInit
            }
            window.advance(length)
        }
        outcome.reach = window.offset
        return outcome
    }
}
