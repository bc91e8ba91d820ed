import ReplayLog
import ReplayQEMU

extension LogTool {
    /// Counts events and their bytes by kind, up to the end or the first damage.
    public func stats(_ path: String) -> ToolExit {
        run { () throws(LogError) in
            var counts = KindCounts()
            let damage: LogError?
            let completeness: Completeness
            switch try OpenedLog(path: path) {
            case .own(let reader):
                damage = try counts.count(reader)
                completeness = reader.completeness
            case .qemu(let reader):
                damage = try counts.count(reader)
                completeness = reader.completeness
            }
            let isClean = damage == nil && completeness == .finished
            if json { printJSON(counts, isClean) } else { printText(counts) }
            if let damage { output.complain(damage.message) }
            if damage == nil, let reason = completeness.reason {
                output.complain("\(path) has no end: \(reason)")
            }
            return damage == nil ? .fine : .different
        }
    }

    private func printJSON(_ counts: KindCounts, _ isClean: Bool) {
        print(
            .object([
                ("events", .unsigned(counts.events)), ("instructions", .unsigned(counts.instructions)),
                ("counts", .object(counts.sorted.map { ($0.name, .unsigned($0.count)) })),
                ("bytes", .object(counts.sorted.map { ($0.name, .unsigned($0.bytes)) })),
                ("clean", .bool(isClean)),
            ]))
    }

    private func printText(_ counts: KindCounts) {
        let bytes = counts.bytes
        print("events", String(counts.events))
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
    private(set) var instructions: UInt64 = 0

    var events: UInt64 { counts.reduce(0, &+) }
    var bytes: UInt64 { sizes.reduce(0, &+) }

    /// The most frequent ones first.
    var sorted: [(name: String, count: UInt64, bytes: UInt64)] {
        names.indices.filter { counts[$0] > 0 }.map { (names[$0], counts[$0], sizes[$0]) }
            .sorted { ($1.count, $0.name) < ($0.count, $1.name) }
    }

    /// Reads the log; returns the damage that ends it.
    mutating func count(_ reader: LogReader) throws(LogError) -> LogError? {
        names = KindNames(reader.kinds).all
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
                counts[Int(event.kind & 63)] &+= 1
                sizes[Int(event.kind & 63)] &+= UInt64(truncatingIfNeeded: place &- start)
            }
        } catch {
            instructions = event.icount
            return try KindCounts.damage(error)
        }
        instructions = event.icount
        if case .finished(let end) = reader.state { instructions = end.icount }
        return nil
    }

    mutating func count(_ reader: QEMULogReader) throws(LogError) -> LogError? {
        names = (0..<64).map { QEMUKind(rawValue: UInt8($0)).name }
        defer { instructions = reader.lastIcount }
        do throws(LogError) {
            try reader.readToEnd { event in
                counts[Int(event.kind.rawValue & 63)] &+= 1
                sizes[Int(event.kind.rawValue & 63)] &+= UInt64(truncatingIfNeeded: event.length)
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
