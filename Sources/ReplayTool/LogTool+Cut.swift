import ReplayLog
import ReplaySnapshots
import ReplaySystem

/// What is cut out of a log.
public struct CutOptions: Sendable {
    /// Where the part begins: at a snapshot; nil: where the log begins.
    public var from: LogPlace?
    /// The last place of the part; nil: the end of the log.
    public var to: LogPlace?
    /// Older files may be replaced.
    public var force = false

    public init() {}
}

extension LogTool {
    /// Writes a part of a log, which a host can replay, and beside it the snapshots that belong to the part.
    public func cut(_ path: String, to target: String, _ options: CutOptions) -> ToolExit {
        run { () throws(LogError) in
            try FilesRead.refuse(target, Cut.store(target), reading: path)
            guard case .own(let reader) = try OpenedLog(path: path) else {
                throw LogError(
                    .notALog,
                    "\(path.shown) is a log of QEMU's, and has no snapshots: no part of it can be replayed")
            }
            let cut = try Cut(reader, options)
            let part = try cut.write(to: target, replacing: options.force, output)
            if json { print(part.json(target)) } else { output.line(part.text(target)) }
            return .fine
        }
    }
}

/// A part of a log that a host can replay.
private struct Cut {
    private let reader: LogReader
    private let snapshots: SnapshotFileCopier?
    private let first: SnapshotPlace
    private let last: UInt64?

    init(_ reader: LogReader, _ options: CutOptions) throws(LogError) {
        self.reader = reader
        let from = try Cut.icount(of: options.from, reader) { $0.firstIcount(at: $1) }
        let needsSnapshot = reader.begin != nil || from.map { !$0.isStart } ?? false
        do throws(LogError) {
            snapshots = try SnapshotFileCopier(path: Cut.store(reader.path), log: reader.identity)
        } catch {
            if needsSnapshot {
                throw LogError(
                    error.code,
                    "\(reader.path.shown) can't be cut there, because its snapshots are missing: \(error.message)"
                )
            }
            snapshots = nil
        }
        last = try Cut.end(reader, try Cut.icount(of: options.to, reader) { $0.lastIcount(at: $1) })
        first =
            needsSnapshot
            ? try Cut.snapshot(reader, snapshots, from) : SnapshotPlace(icount: 0, event: 0)
    }

    /// A virtual time as an icount.
    private static func icount(
        of place: LogPlace?, _ reader: LogReader, _ convert: (LogClock, UInt64) -> UInt64
    ) throws(LogError) -> LogPlace? {
        guard case .time(let time)? = place else { return place }
        guard let clock = LogClock(.own(reader), shift: nil) else {
            throw LogError(
                .misuse, "\(reader.path.shown) doesn't say how long an instruction takes: give an icount")
        }
        return .icount(convert(clock, time))
    }

    /// Beside the log, and not beside a link to it.
    static func store(_ path: String) -> String { Syscalls.resolved(path) + ".snap" }

    /// The place of the snapshot at which the part begins.
    private static func snapshot(
        _ reader: LogReader, _ snapshots: SnapshotFileCopier?, _ from: LogPlace?
    ) throws(LogError) -> SnapshotPlace {
        let usable = (snapshots?.labels ?? []).filter {
            $0.place.event >= reader.firstEvent && $0.place.event <= reader.endEvent
        }
        let found = usable.first { label in
            switch from {
            case .icount(let icount): label.place.icount == icount
            case .event(let event): label.place.event == event
            case .time, nil: true
            }
        }
        if let found {
            try check(found, reader, snapshots)
            return found.place
        }
        let before = usable.last { from?.isAfter($0.place) ?? false }?.place.icount
        let after = usable.first { !(from?.isAfter($0.place) ?? true) }?.place.icount
        let nearest = [before, after].compactMap { $0.map { "icount \($0)" } }.joined(separator: " and ")
        throw LogError(
            .misuse,
            "\(reader.path.shown) has no snapshot at \(from?.description ?? "its beginning"); "
                + (nearest.isEmpty ? "it has none that can be used" : "the nearest: \(nearest)"))
    }

    /// Is the snapshot of this log?
    private static func check(_ label: SnapshotLabel, _ reader: LogReader, _ snapshots: SnapshotFileCopier?)
        throws(LogError)
    {
        guard let state = try snapshots?.state(of: label.id) else { return }
        guard let position = SnapshotPosition(state: state), position.icount == label.place.icount,
            position.event == label.place.event
        else { throw LogError(.damaged, "\(store(reader.path).shown) is damaged") }
        guard try reader.seek(toEvent: position.event) == position.chain else {
            throw LogError(.foreign, "\(store(reader.path).shown) belongs to a different recording")
        }
    }

    /// The number of the first event that isn't in the part; nil: the log's end.
    private static func end(_ reader: LogReader, _ to: LogPlace?) throws(LogError) -> UInt64? {
        switch to {
        case .time, nil: return nil
        case .event(let last): return last == UInt64.max ? nil : last + 1
        case .icount(let last):
            try reader.seek(toEvent: reader.event(beforeIcount: last))
            while let event = try reader.next() { if event.icount > last { return event.index } }
            return nil
        }
    }

    // MARK: Write

    /// The snapshots come first: without them the log would be of no use.
    func write(to path: String, replacing: Bool, _ output: ToolOutput) throws(LogError) -> Part {
        let log = try NewFile(path: path, replaces: replacing)
        let end = min(last ?? reader.endEvent, reader.endEvent)
        guard first.event <= end else {
            throw LogError(.misuse, "the part would end before it begins, at icount \(first.icount)")
        }
        // By the most that it can be.
        let size = reader.overview.fileSize
        log.hasWritten = { output.progress($0, of: size) }
        var cutter = LogCutter(reader, to: log)
        try cutter.write(from: (first.event, first.icount), upTo: last)
        try log.sync()
        var copied: Set<UInt64> = []
        var store: NewFile?
        let wanted = (snapshots?.labels ?? []).filter { $0.place >= first && $0.place.event <= end }
        if let snapshots, !wanted.isEmpty {
            let file = try NewFile(path: Cut.store(path), replaces: replacing)
            copied = try snapshots.write(Set(wanted.map(\.id)), to: file)
            if let begin = wanted.first, begin.place == first, first.event > 0, !copied.contains(begin.id) {
                throw LogError(.damaged, "the snapshot at icount \(first.icount) is damaged")
            }
            try file.sync()
            store = file
        }
        // A signal leaves both files or none.
        let signals = UnfinishedFile.holdSignals()
        defer { UnfinishedFile.release(signals) }
        try store?.keep()
        try log.keep()
        return Part(first: first, events: end &- first.event, snapshots: copied.count)
    }
}

private struct Part {
    var first: SnapshotPlace
    var events: UInt64
    var snapshots: Int

    func text(_ path: String) -> String {
        "\(path.shown): \(events) events from icount \(first.icount) on, and \(snapshots) snapshot\(snapshots == 1 ? "" : "s")"
    }

    func json(_ path: String) -> JSONText {
        .object([
            ("file", .text(path.shown)), ("icount", .unsigned(first.icount)),
            ("event", .unsigned(first.event)),
            ("events", .unsigned(events)), ("snapshots", .count(snapshots)),
        ])
    }
}

extension LogPlace {
    /// Where every run begins.
    fileprivate var isStart: Bool { self == .icount(0) || self == .event(0) }

    fileprivate func isAfter(_ place: SnapshotPlace) -> Bool {
        switch self {
        case .icount(let icount): icount > place.icount
        case .event(let event): event > place.event
        case .time: false
        }
    }

    fileprivate var description: String {
        switch self {
        case .icount(let icount): "icount \(icount)"
        case .event(let event): "event \(event)"
        case .time(let time): "\(time) ns"
        }
    }
}
