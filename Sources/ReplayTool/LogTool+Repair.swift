import Glibc
import ReplayLog
import ReplayQEMU
import ReplaySystem

extension LogTool {
    /// Writes a log from what is good in a damaged one, and says what was lost.
    ///
    /// - Parameter force: `target` may be replaced.
    public func repair(_ path: String, to target: String, force: Bool) -> ToolExit {
        run { () throws(LogError) in
            try FilesRead.refuse(target, reading: path)
            let result =
                OpenedLog.isQEMU(path)
                ? try repairQEMU(path, target, force) : try repairOwn(path, target, force)
            if json { print(result.json(path, target)) } else { printText(path, target, result) }
            return result.isWhole ? .fine : .different
        }
    }

    private func repairOwn(_ path: String, _ target: String, _ force: Bool) throws(LogError) -> Repair {
        // Reading is one half of the work, writing the other.
        let salvage = try LogSalvage(path: path) { output.progress($0, of: 2 &* $1) }
        let file = try NewFile(path: target, replaces: force)
        let size = salvage.size
        file.hasWritten = { output.progress(size &+ $0, of: 2 &* size) }
        try salvage.write(to: file)
        try file.sync()
        try file.keep()
        return Repair(
            events: salvage.eventCount, eventsBeforeLoss: salvage.eventsBeforeLoss,
            icountBeforeLoss: salvage.icountBeforeLoss, losses: salvage.losses, rebuilt: salvage.rebuilt,
            lostMetadata: salvage.lostMetadata, lostEnd: salvage.lostEnd,
            lostComments: salvage.lostComments, ending: salvage.end.reason)
    }

    /// These logs have neither chunks nor checksums: nothing after damage can be found again.
    private func repairQEMU(_ path: String, _ target: String, _ force: Bool) throws(LogError) -> Repair {
        let reader = try QEMULogReader(path: path)
        var damage: LogError?
        do throws(LogError) {
            try reader.readToEnd { event in
                if event.index & 0xfff == 0 { output.progress(reader.offset, of: 2 &* reader.size) }
            }
        } catch {
            guard error.code == .damaged else { throw error }
            // A recording that lost its beginning may begin with zeros, as a log of QEMU's without a version does.
            if reader.version == 0, let salvage = try? LogSalvage(path: path), salvage.pieceCount > 0 {
                return try repairOwn(path, target, force)
            }
            damage = error
        }
        var result = Repair(
            events: reader.eventCount, eventsBeforeLoss: reader.eventCount,
            icountBeforeLoss: reader.lastIcount, isQEMU: true)
        var length = reader.size
        if let damage { length = damage.offset }
        if case .withinEvent(let offset) = reader.ending { length = offset }
        // A file without an event isn't a log.
        guard reader.eventCount > 0 else {
            throw LogError(.damaged, "\(path) has no good event: nothing was written")
        }
        if length < reader.size {
            result.losses.append(
                LogSalvage.Loss(
                    firstEvent: reader.eventCount, nextEvent: nil, firstIcount: reader.lastIcount,
                    nextIcount: nil, bytes: length..<reader.size))
        }
        result.ending = length < reader.size ? "a part of it was lost to damage" : reader.completeness.reason
        let file = try NewFile(path: target, replaces: force)
        let size = reader.size
        file.hasWritten = { output.progress(size &+ $0, of: 2 &* size) }
        try file.copy(path, count: length)
        try file.sync()
        try file.keep()
        return result
    }

    private func printText(_ path: String, _ target: String, _ result: Repair) {
        let name = target.shown
        if result.isWhole && result.rebuilt.isEmpty {
            output.line("\(path.shown) is not damaged; \(name) has all of its \(result.events) events.")
        } else {
            output.line("\(name) has \(result.events) events of \(path.shown).")
        }
        for loss in result.losses { output.line("lost: \(loss.text).") }
        if result.lostMetadata { output.line("lost: the metadata: fingerprint, shift, names of kinds.") }
        if result.lostComments { output.line("lost: the comments.") }
        if result.lostEnd { output.line("lost: the end: cause, exit code, digest.") }
        if !result.rebuilt.isEmpty {
            output.line("damaged, and made again: \(result.rebuilt.joined(separator: ", ")).")
        }
        let reached = "event \(result.eventsBeforeLoss), after icount \(result.icountBeforeLoss)"
        if result.isQEMU {
            if let reason = result.ending { output.line("It ends before \(reached): \(reason).") }
        } else if result.lostMetadata {
            output.line("It can be read, but not replayed.")
        } else if let reason = result.ending {
            output.line("A replay of it stops before \(reached): \(reason).")
        } else {
            output.line("A replay of it goes to its end.")
        }
        let snapshots = Syscalls.resolved(path) + ".snap"
        if !result.isQEMU, !result.lostMetadata, case .success = Syscalls().status(path: snapshots) {
            output.line(
                "Its snapshots are those of the old log: copy \(snapshots.shown) to \(target.shown).snap.")
        }
    }
}

/// What a repair has found.
private struct Repair {
    var events: UInt64
    var eventsBeforeLoss: UInt64
    var icountBeforeLoss: UInt64
    var isQEMU = false
    var losses: [LogSalvage.Loss] = []
    var rebuilt: [String] = []
    var lostMetadata = false
    var lostEnd = false
    var lostComments = false
    /// Why a replay stops; nil: it doesn't.
    var ending: String?

    var isWhole: Bool { losses.isEmpty && !lostMetadata && !lostEnd && !lostComments }

    func json(_ path: String, _ target: String) -> JSONText {
        .object([
            ("file", .text(path.shown)), ("target", .text(target.shown)), ("events", .unsigned(events)),
            ("events_before_loss", .unsigned(eventsBeforeLoss)),
            ("icount_before_loss", .unsigned(icountBeforeLoss)), ("lost", .list(losses.map(\.json))),
            ("lost_metadata", .bool(lostMetadata)), ("lost_end", .bool(lostEnd)),
            ("lost_comments", .bool(lostComments)),
            ("rebuilt", .list(rebuilt.map { .text($0) })),
            ("reason", ending.map { .text($0) } ?? .null),
        ])
    }
}

extension LogSalvage.Loss {
    fileprivate var text: String {
        let place = bytes.map { ", bytes \($0.lowerBound) to \($0.upperBound &- 1) of the file" } ?? ""
        guard let nextEvent, let nextIcount else {
            return "all from event \(firstEvent) on, after icount \(firstIcount)\(place)"
        }
        let gap = LogGap(
            firstEvent: firstEvent, firstIcount: firstIcount, nextEvent: nextEvent, nextIcount: nextIcount)
        return "\(gap.what)\(place)"
    }

    fileprivate var json: JSONText {
        .object([
            ("event", .unsigned(firstEvent)), ("next_event", nextEvent.map { .unsigned($0) } ?? .null),
            ("icount", .unsigned(firstIcount)), ("next_icount", nextIcount.map { .unsigned($0) } ?? .null),
            ("offset", bytes.map { .unsigned($0.lowerBound) } ?? .null),
            ("bytes", bytes.map { .unsigned($0.upperBound &- $0.lowerBound) } ?? .null),
        ])
    }
}
