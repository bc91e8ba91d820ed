import ReplayLog
import ReplaySnapshots
import ReplaySystem

/// What `NAME.snap` beside a recording has. Snapshots from before the log's begin are of no use, and don't count.
struct StoredSnapshots {
    private let path: String
    private var bytes: UInt64 = 0
    private var labels: [SnapshotLabel] = []
    /// So many are of a different recording of the same machine.
    private var others = 0
    /// Why the file is of no use.
    private var refusal: String?

    /// Nil: there is no such file.
    init?(of reader: LogReader) {
        // As the recorder has it: beside the log, and not beside a link to it.
        path = Syscalls.resolved(reader.path) + ".snap"
        guard case .success(let status) = Syscalls().status(path: path) else { return nil }
        bytes = UInt64(max(0, status.st_size))
        do throws(LogError) {
            let begin = reader.begin?.event ?? 0
            let copier = try SnapshotFileCopier(path: path, log: reader.identity)
            let stored = copier.labels.filter { $0.place.event >= begin }
            labels = copier.own(stored, reader)
            others = stored.count - labels.count
        } catch {
            refusal = error.message
        }
    }

    /// Where a log that has only a part of its run can be replayed from.
    var first: SnapshotPlace? { labels.first?.place }

    var text: String {
        if let refusal { return "can't be used: \(refusal)" }
        guard let first, let last = labels.last?.place else {
            return "0, \(bytes) bytes\(remark)"
        }
        return "\(labels.count), \(bytes) bytes, icount \(first.icount) to \(last.icount)\(remark)"
    }

    private var remark: String { others > 0 ? "; \(others) of a different recording" : "" }

    var json: JSONText {
        .object([
            ("file", .text(path.shown)), ("bytes", .unsigned(bytes)), ("count", .count(labels.count)),
            ("first_icount", first.map { .unsigned($0.icount) } ?? .null),
            ("last_icount", labels.last.map { .unsigned($0.place.icount) } ?? .null),
            ("refused", refusal.map { .text($0) } ?? .null),
        ])
    }
}

extension SnapshotFileCopier {
    /// Those that were taken in this log. The last one tells whether all were.
    fileprivate func own(_ labels: [SnapshotLabel], _ reader: LogReader) -> [SnapshotLabel] {
        guard let last = labels.last, !isOwn(last, reader) else { return labels }
        return labels.filter { isOwn($0, reader) }
    }

    private func isOwn(_ label: SnapshotLabel, _ reader: LogReader) -> Bool {
        guard let state = try? state(of: label.id), let position = SnapshotPosition(state: state) else {
            return true
        }
        return (try? reader.seek(toEvent: position.event)) == position.chain
    }
}

extension SnapshotPlace {
    var text: String { "icount \(icount), event \(event)" }
    var json: JSONText { .object([("icount", .unsigned(icount)), ("event", .unsigned(event))]) }
}

/// The recording from which another one branched: the fingerprint has it.
struct ParentPlace {
    let text: String

    init?(_ metadata: LogMetadata) {
        guard let field = metadata.fingerprint.first(where: { $0.key == "replay.parent" }) else { return nil }
        text = field.value.description
    }

    /// What the library writes is `events N, icount N, checksum HEX`.
    var json: JSONText {
        let words = text.split(separator: " ")
        guard words.count == 6, words[0] == "events", words[2] == "icount", words[4] == "checksum",
            let events = UInt64(words[1].dropLast()), let icount = UInt64(words[3].dropLast())
        else { return .text(text) }
        return .object([
            ("events", .unsigned(events)), ("icount", .unsigned(icount)),
            ("checksum", .text(String(words[5]))),
        ])
    }
}
