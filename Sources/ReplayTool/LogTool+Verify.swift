import ReplayLog
import ReplayQEMU
import ReplaySystem

extension LogTool {
    /// Reads everything, and says whether the log is intact and complete, or where it stops.
    ///
    /// - Parameter unfinishedIsFine: a log without an end whose events are all good isn't an error.
    public func verify(_ path: String, unfinishedIsFine: Bool) -> ToolExit {
        run { () throws(LogError) in
            var result: Verification
            switch try OpenedLog(path: path) {
            case .own(let reader): result = try Verification(reader, output)
            case .qemu(let reader): result = try Verification(reader, output)
            }
            if json { print(result.json(path)) } else { printText(path, result) }
            if result.damage != nil || result.incompleteBytes > 0 { return .different }
            return result.completeness.reason == nil || unfinishedIsFine ? .fine : .different
        }
    }

    private func printText(_ path: String, _ result: Verification) {
        let events = "\(result.events) events up to icount \(result.icount)"
        let basis =
            result.hasChecksums
            ? "all checksums match" : "QEMU's logs have no checksums; the structure is valid"
        if let damage = result.damage {
            output.line("\(path.shown): \(output.styled("damaged", .bad)). \(damage.message).")
            output.line("The \(events) before it are good.")
        } else if let reason = result.completeness.reason {
            var word = "without an end"
            if case .cut = result.completeness { word = "not whole" }
            let state = result.incompleteBytes > 0 ? word : "intact, but \(word)"
            output.line("\(path.shown): \(output.styled(state, .doubtful)): \(reason).")
            output.line("All \(events) are good; \(basis).")
            if result.incompleteBytes > 0 {
                output.line("\(result.incompleteBytes) bytes at its end belong to an incomplete chunk.")
            }
            for gap in result.gaps { output.line("missing: \(gap.what).") }
        } else {
            let state = result.completeness == .running ? "intact so far; a recorder is writing it" : "intact"
            output.line("\(path.shown): \(output.styled(state, .good)). \(events); \(basis).")
        }
    }
}

/// What reading a whole log found.
struct Verification {
    var events: UInt64 = 0
    var icount: UInt64 = 0
    var completeness = Completeness.finished
    var damage: LogError?
    var hasChecksums = true
    /// What a repaired log lacks.
    var gaps: [LogGap] = []
    /// Those at the end of the file that belong to no complete event.
    var incompleteBytes: UInt64 = 0

    init(_ reader: LogReader, _ output: ToolOutput) throws(LogError) {
        completeness = reader.completeness
        incompleteBytes = reader.overview.incompleteBytes
        var gaps: [LogGap] = []
        reader.onGap = { gap in if gaps.count < Verification.mostGaps { gaps.append(gap) } }
        defer { self.gaps = gaps }
        do throws(LogError) {
            var event = Event(kind: 0, role: .vcpu, icount: 0, index: 0)
            while try withUnsafeMutablePointer(
                to: &event, { place throws(LogError) in try reader.next(into: place) })
            {
                events &+= 1
                icount = event.icount
                output.progress(reader, event: event.index)
            }
        } catch {
            guard error.code == .damaged else { throw error }
            damage = error
        }
        damage = damage ?? reader.commentDamage
        guard damage == nil, case .finished(let end) = reader.state else { return }
        if end.icount < icount {
            damage = LogError(
                .damaged, "\(reader.path) ends at icount \(end.icount), before its last event at \(icount)",
                eventIndex: events, icount: icount)
        }
        icount = max(icount, end.icount)
    }

    /// Those that are listed.
    private static let mostGaps = 1000

    init(_ reader: QEMULogReader, _ output: ToolOutput) throws(LogError) {
        hasChecksums = reader.ownLog != nil
        do throws(LogError) {
            if hasChecksums {
                try reader.skipToEnd()
            } else {
                try reader.readToEnd { output.progress(reader, event: $0.index) }
            }
        } catch {
            guard error.code == .damaged else { throw error }
            damage = error
        }
        completeness = reader.completeness
        events = reader.eventCount
        icount = reader.lastIcount
    }

    func json(_ path: String) -> JSONText {
        .object([
            ("file", .text(path.shown)), ("intact", .bool(damage == nil && incompleteBytes == 0)),
            ("complete", .bool(damage == nil && completeness == .finished)),
            ("state", .text(completeness.word)), ("reason", completeness.reason.map { .text($0) } ?? .null),
            ("events", .unsigned(events)), ("icount", .unsigned(icount)), ("checksums", .bool(hasChecksums)),
            ("incomplete_bytes", .unsigned(incompleteBytes)),
            ("missing", .list(gaps.map(\.json))), ("damage", damage.map(LogTool.json) ?? .null),
        ])
    }
}
