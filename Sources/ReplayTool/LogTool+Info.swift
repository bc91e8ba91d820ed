import Glibc
import ReplayLog
import ReplayQEMU
import ReplaySystem

extension LogTool {
    /// What a log says about its recording. Reads no more of an own log than it must.
    public func info(_ path: String) -> ToolExit {
        run { () throws(LogError) in
            switch try OpenedLog(path: path) {
            case .own(let reader): try info(reader)
            case .qemu(let reader): try info(reader)
            }
        }
    }

    /// Those that are listed.
    private static let mostGaps = 20

    // MARK: Own logs

    private func info(_ reader: LogReader) throws(LogError) -> ToolExit {
        let (overview, icount) = try reader.survey()
        let gaps = try reader.gaps()
        if json {
            print(.object(members(reader, overview, icount, gaps)))
        } else {
            printText(reader, overview, icount, gaps)
        }
        for damage in [overview.damage, reader.commentDamage] {
            if let damage { output.complain(damage.message) }
        }
        return overview.damage == nil && reader.commentDamage == nil ? .fine : .different
    }

    private func printText(
        _ reader: LogReader, _ overview: LogReader.Overview, _ icount: UInt64, _ gaps: [LogGap]
    ) {
        let metadata = reader.metadata
        print("file", reader.path.shown)
        print("format", "libreplay, \(metadata.formatVersion)")
        switch reader.state {
        case .finished(let end):
            print("state", "finished")
            print("cause", "\(ShutdownCause.name(end.cause)) (\(end.cause)), exit code \(end.exitCode)")
            if end.hasDigest { print("digest", Hex.number(end.digest)) }
        case .running: print("state", "running: a recorder is writing it")
        case .died(let reason): print("state", "\(reader.completeness.word): \(reason)")
        }
        let snapshots = StoredSnapshots(of: reader)
        if let begin = reader.begin {
            print("begin", "icount \(begin.icount), event \(begin.event)")
            print("first place", snapshots?.first?.text ?? "none: there is no snapshot to replay from")
        }
        print("icount", String(icount))
        if let duration = metadata.nanoseconds(icount) {
            print("virtual time", "\(Columns.decimal(duration, 1_000_000_000, places: 9)) s")
        }
        print("shift", metadata.shift == 255 ? "automatic" : String(metadata.shift))
        let events = overview.eventCount
        print("events", String(events))
        for gap in gaps.prefix(LogTool.mostGaps) { print("missing", gap.what) }
        if gaps.count > LogTool.mostGaps { print("missing", "…, \(gaps.count) parts in all") }
        let average = Columns.decimal(overview.fileSize, events, places: 2)
        print("bytes", "\(overview.fileSize) in \(overview.chunkCount) chunks, \(average) for each event")
        if overview.liveBytes > 0 { print("live", "\(overview.liveBytes) bytes of events in the live file") }
        if let snapshots { print("snapshots", snapshots.text) }
        if let parent = ParentPlace(metadata) { print("branched at", parent.text) }
        if metadata.createdNs > 0 { print("created", LogTool.date(metadata.createdNs)) }
        if !metadata.fingerprint.isEmpty { output.line("fingerprint:") }
        for (key, value) in metadata.fingerprint { output.line("  \(key) = \(value)") }
        if !reader.comments.isEmpty { output.line("comments:") }
        printComments(reader.comments)
    }

    private func members(
        _ reader: LogReader, _ overview: LogReader.Overview, _ icount: UInt64, _ gaps: [LogGap]
    ) -> [(String, JSONText)] {
        let metadata = reader.metadata
        let snapshots = StoredSnapshots(of: reader)
        var members: [(String, JSONText)] = [
            ("file", .text(reader.path.shown)), ("type", .text("libreplay")),
            ("format", .unsigned(UInt64(metadata.formatVersion))), ("state", .text(reader.completeness.word)),
            ("reason", reader.completeness.reason.map { .text($0) } ?? .null),
        ]
        if case .finished(let end) = reader.state {
            members += [
                ("cause", .text(ShutdownCause.name(end.cause))),
                ("cause_number", .unsigned(UInt64(end.cause))),
                ("exit_code", .signed(Int64(end.exitCode))),
                ("digest", end.hasDigest ? .text(Hex.number(end.digest)) : .null),
            ]
        }
        return members + [
            (
                "begin",
                reader.begin.map {
                    .object([
                        ("icount", .unsigned($0.icount)), ("event", .unsigned($0.event)),
                        ("first_place", snapshots?.first?.json ?? .null),
                    ])
                } ?? .null
            ), ("icount", .unsigned(icount)),
            ("virtual_ns", metadata.nanoseconds(icount).map { .unsigned($0) } ?? .null),
            ("shift", metadata.shift == 255 ? .text("auto") : .unsigned(UInt64(metadata.shift))),
            ("events", .unsigned(overview.eventCount)),
            ("bytes", .unsigned(overview.fileSize)),
            ("chunks", .count(overview.chunkCount)), ("live_bytes", .count(overview.liveBytes)),
            ("snapshots", snapshots?.json ?? .null),
            ("parent", ParentPlace(metadata)?.json ?? .null),
            ("created_ns", .unsigned(metadata.createdNs)),
            (
                "fingerprint",
                .list(
                    metadata.fingerprint.map {
                        .object([("key", .text($0.key.description)), ("value", .text($0.value.description))])
                    })
            ),
            ("missing", .list(gaps.map(\.json))), ("comments", LogTool.json(reader.comments)),
            ("damage", overview.damage.map(LogTool.json) ?? .null),
        ]
    }

    static func json(_ damage: LogError) -> JSONText {
        .object([
            ("message", .text(damage.message.shown)), ("offset", .unsigned(damage.offset)),
            ("event", .unsigned(damage.eventIndex)), ("icount", .unsigned(damage.icount)),
        ])
    }

    private static func date(_ nanoseconds: UInt64) -> String {
        var seconds = time_t(nanoseconds / 1_000_000_000)
        var parts = tm()
        guard gmtime_r(&seconds, &parts) != nil else { return "\(nanoseconds) ns since 1970" }
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : String(number) }
        let day = "\(Int(parts.tm_year) + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
        return "\(day) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) UTC"
    }

    // MARK: QEMU's

    /// There is no index: all of the log is read.
    private func info(_ reader: QEMULogReader) throws(LogError) -> ToolExit {
        var cause: String?
        var damage: LogError?
        do throws(LogError) {
            try reader.readToEnd { event in
                cause = event.kind.shutdownCause ?? cause
                output.progress(reader, event: event.index)
            }
        } catch {
            guard error.code == .damaged else { throw error }
            damage = error
        }
        let state = damage == nil ? reader.completeness : .died("the log is damaged")
        if json {
            print(
                .object([
                    ("file", .text(reader.path.shown)), ("type", .text("qemu")),
                    ("format", .text(reader.format.description)), ("state", .text(state.word)),
                    ("reason", state.reason.map { .text($0) } ?? .null),
                    ("cause", cause.map { .text($0) } ?? .null), ("icount", .unsigned(reader.lastIcount)),
                    ("events", .unsigned(reader.eventCount)), ("bytes", .unsigned(reader.size)),
                    ("converted_bytes", reader.ownLog.map { .unsigned($0.overview.fileSize) } ?? .null),
                    ("damage", damage.map(LogTool.json) ?? .null),
                ]))
        } else {
            print("file", reader.path.shown)
            print("format", "QEMU, \(reader.format.description)")
            print("state", state.reason.map { "died: \($0)" } ?? state.word)
            if let cause { print("cause", cause) }
            print("icount", String(reader.lastIcount))
            print("events", String(reader.eventCount))
            let average = Columns.decimal(reader.size, reader.eventCount, places: 2)
            print("bytes", "\(reader.size), \(average) for each event")
            if let own = reader.ownLog {
                let size = own.overview.fileSize
                print(
                    "converted",
                    "to libreplay, \(own.metadata.formatVersion): \(size) bytes, can't be replayed")
            }
        }
        if let damage { output.complain(damage.message) }
        return damage == nil ? .fine : .different
    }
}
