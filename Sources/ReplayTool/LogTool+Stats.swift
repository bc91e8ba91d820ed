import ReplayLog
import ReplayQEMU

extension LogTool {
    /// Counts events and their bytes by kind, up to the end or the first damage.
    ///
    /// - Parameters:
    ///   - svg: where to draw them; nil: nowhere.
    ///   - replaces: an older file may be replaced.
    public func stats(_ path: String, svg: String? = nil, replaces: Bool = false) -> ToolExit {
        run { () throws(LogError) in
            var counts = KindCounts()
            var missing: UInt64 = 0
            let damage: LogError?
            let log = try OpenedLog(path: path)
            let file: ExportFile?
            if let svg {
                file = try ExportFile(svg, of: path, replaces: replaces, output)
                counts.series = KindSeries()
            } else {
                file = nil
            }
            switch log {
            case .own(let reader):
                reader.onGap = { gap in missing &+= gap.count }
                damage = try counts.count(reader, output)
            case .qemu(let reader): damage = try counts.count(reader, output)
            }
            let completeness = log.completeness
            if let file, let series = counts.series {
                try file.write(Array(StatsDrawing(name: path.shown, counts, series).draw().utf8))
                try file.end()
            }
            let isClean = damage == nil && completeness == .finished
            if json { printJSON(counts, missing, isClean) } else { printText(counts, missing) }
            if let damage { output.complain(damage.message) }
            if damage == nil, let reason = completeness.reason {
                output.complain("\(path) \(completeness.complaint): \(reason)")
            }
            return damage == nil ? .fine : .different
        }
    }

    private func printJSON(_ counts: KindCounts, _ missing: UInt64, _ isClean: Bool) {
        print(
            .object([
                ("events", .unsigned(counts.events)), ("instructions", .unsigned(counts.instructions)),
                ("counts", .object(counts.sorted.map { ($0.name, .unsigned($0.count)) })),
                ("bytes", .object(counts.sorted.map { ($0.name, .unsigned($0.bytes)) })),
                ("missing", .unsigned(missing)), ("clean", .bool(isClean)),
            ]))
    }

    private func printText(_ counts: KindCounts, _ missing: UInt64) {
        let bytes = counts.bytes
        print("events", String(counts.events))
        if missing > 0 { print("missing", "\(missing) events, lost to damage") }
        print("instructions", String(counts.instructions))
        let perMillion = counts.events.multipliedReportingOverflow(by: 1_000_000)
        if counts.instructions > 0 && !perMillion.overflow {
            let rate = Columns.decimal(perMillion.partialValue, counts.instructions, places: 3)
            print("frequency", "\(rate) events in a million instructions")
        }
        print(
            "bytes",
            "\(bytes) before compression, \(Columns.decimal(bytes, counts.events, places: 2)) for each event")
        output.line()
        output.line(
            "\(Columns.left("kind", 34)) \(Columns.right("events", 12)) \(Columns.right("bytes", 14))    share"
        )
        for kind in counts.sorted {
            let share = Columns.right(Columns.decimal(kind.bytes &* 100, bytes, places: 1), 6)
            output.line(
                "\(Columns.left(kind.name, 34)) \(Columns.right(String(kind.count), 12)) "
                    + "\(Columns.right(String(kind.bytes), 14)) \(share) %")
        }
    }
}

/// How often each kind is in a log, and how many bytes it takes there before compression.
struct KindCounts {
    private var names: [String] = []
    private var counts = [UInt64](repeating: 0, count: 64)
    private var sizes = [UInt64](repeating: 0, count: 64)
    /// Those of the log, which may be a part of its run.
    private(set) var instructions: UInt64 = 0
    /// The same over icount, if it is wanted.
    var series: KindSeries?

    struct Kind {
        var number: Int
        var name: String
        var count: UInt64
        var bytes: UInt64
    }

    var events: UInt64 { counts.reduce(0, &+) }
    var bytes: UInt64 { sizes.reduce(0, &+) }

    /// The most frequent ones first.
    var sorted: [Kind] {
        names.indices.filter { counts[$0] > 0 }
            .map { Kind(number: $0, name: names[$0], count: counts[$0], bytes: sizes[$0]) }
            .sorted { ($1.count, $0.name) < ($0.count, $1.name) }
    }

    @inline(__always)
    private mutating func add(_ kind: UInt8, _ icount: UInt64, _ bytes: UInt64) {
        counts[Int(kind & 63)] &+= 1
        sizes[Int(kind & 63)] &+= bytes
        series?.add(kind, at: icount, bytes: bytes)
    }

    /// Reads the log; returns the damage that ends it.
    mutating func count(_ reader: LogReader, _ output: ToolOutput) throws(LogError) -> LogError? {
        names = KindNames(reader.kinds).all
        let begin = reader.begin?.icount ?? 0
        var event = Event(kind: 0, role: .vcpu, icount: 0, index: 0)
        var place = 0
        do throws(LogError) {
            while true {
                let isNewSource = reader.decoder.pointee.remaining == 0
                let more = try withUnsafeMutablePointer(to: &event) { place throws(LogError) in
                    try reader.next(into: place)
                }
                guard more else { break }
                let start = isNewSource ? 0 : place
                place = reader.placeInSource
                add(event.kind, event.icount, UInt64(truncatingIfNeeded: place &- start))
                output.progress(reader, event: event.index)
            }
        } catch {
            instructions = event.icount &- min(begin, event.icount)
            return try KindCounts.damage(error)
        }
        var end = max(event.icount, begin)
        if case .finished(let record) = reader.state { end = record.icount }
        series?.extend(to: end)
        instructions = end &- min(begin, end)
        return nil
    }

    mutating func count(_ reader: QEMULogReader, _ output: ToolOutput) throws(LogError) -> LogError? {
        names = (0..<64).map { QEMUKind(rawValue: UInt8($0)).name }
        defer { instructions = reader.lastIcount }
        do throws(LogError) {
            try reader.readToEnd { event in
                add(event.kind.rawValue, event.icount, UInt64(truncatingIfNeeded: event.length))
                output.progress(reader, event: event.index)
            }
        } catch {
            return try KindCounts.damage(error)
        }
        return nil
    }

    private static func damage(_ error: LogError) throws(LogError) -> LogError {
        if error.code == .damaged { return error }
        throw error
    }
}
