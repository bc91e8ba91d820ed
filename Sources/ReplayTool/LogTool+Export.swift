import ReplayLog
import ReplayQEMU

/// The files that an export writes. `-` is standard output.
public struct ExportOptions: Sendable {
    /// Which events.
    public var events = DumpOptions()
    /// A trace for Perfetto's viewer.
    public var perfetto: String?
    /// The network packets.
    public var pcap: String?
    /// A table.
    public var csv: String?
    /// Older files may be replaced.
    public var replaces = false

    public init() {}
}

extension LogTool {
    /// Writes events for other programs, up to the end or the first damage.
    public func export(_ path: String, _ options: ExportOptions) -> ToolExit {
        run { () throws(LogError) in
            let log = try OpenedLog(path: path)
            let filter: EventFilter
            do throws(EventFilter.Refusal) {
                filter = try EventFilter(log, options.events)
            } catch {
                output.complain(error.sentence)
                return .unusable
            }
            let clock = LogClock(log, shift: options.events.shift)
            if clock == nil {
                output.complain(
                    "\(path) doesn't say how long an instruction takes: 1 ns is assumed; --shift changes that"
                )
            }
            let export = try Export(log, filter, clock ?? LogClock(shift: 0), options, output)
            let damage = try export.run()
            // What could be read is kept: it is all that there is.
            try export.end()
            if options.pcap != nil && export.packets == 0 {
                output.complain("\(path) has no network packets among the chosen events")
            }
            if let damage { output.complain(damage.message) }
            if damage == nil, let reason = log.completeness.reason {
                output.complain("\(path) has no end: \(reason)")
            }
            return damage == nil ? .fine : .different
        }
    }
}

/// One export under way.
private final class Export {
    private let log: OpenedLog
    private let filter: EventFilter
    private let clock: LogClock
    private let output: ToolOutput
    private var exporters: [any Exporter] = []
    private var pcap: PacketExporter?

    var packets: UInt64 { pcap?.packets ?? 0 }

    init(
        _ log: OpenedLog, _ filter: EventFilter, _ clock: LogClock, _ options: ExportOptions,
        _ output: ToolOutput
    ) throws(LogError) {
        (self.log, self.filter, self.clock, self.output) = (log, filter, clock, output)
        func file(_ path: String) throws(LogError) -> ExportFile {
            try ExportFile(path, of: log.path, replaces: options.replaces, output)
        }
        if let path = options.perfetto {
            exporters.append(try TraceExporter(file(path), log.path.shown))
        }
        if let path = options.pcap {
            let pcap = try PacketExporter(file(path))
            exporters.append(pcap)
            self.pcap = pcap
        }
        if let path = options.csv {
            exporters.append(try TableExporter(file(path)))
        }
    }

    /// Returns the damage that ends the log.
    func run() throws(LogError) -> LogError? {
        do throws(LogError) {
            switch log {
            case .own(let reader): try read(reader)
            case .qemu(let reader): try read(reader)
            }
        } catch {
            guard error.code == .damaged else { throw error }
            return error
        }
        return nil
    }

    private func read(_ reader: LogReader) throws(LogError) {
        let names = KindNames(reader.kinds)
        reader.onGap = { _ in }
        try filter.enter(reader)
        while let event = try reader.next() {
            output.progress(reader, event: event.index)
            if filter.isPast(event.index, event.icount) || output.isBroken { return }
            guard filter.selects(event) else { continue }
            try add(ShownEvent(event, names), event.source, event.completedRequest)
        }
    }

    private func read(_ reader: QEMULogReader) throws(LogError) {
        var event = QEMUEvent()
        while try reader.next(&event) {
            output.progress(reader, event: event.index)
            if filter.isPast(event.index, event.icount) || output.isBroken { return }
            guard filter.selects(event) else { continue }
            try add(ShownEvent(event), event.source, event.kind == .block ? event.id : nil)
        }
    }

    private func add(_ shown: ShownEvent, _ source: DumpOptions.Device?, _ request: UInt64?) throws(LogError)
    {
        let event = ExportedEvent(
            shown: shown, time: clock.nanoseconds(shown.icount) ?? .max, source: source, request: request)
        for exporter in exporters { try exporter.add(event) }
    }

    func end() throws(LogError) {
        for exporter in exporters { try exporter.file.end() }
    }
}

extension Event {
    /// BLOCK, BLOCK_READ, BLOCK_DATA: the request's number.
    fileprivate var completedRequest: UInt64? {
        switch knownKind {
        case .block, .blockRead, .blockData: request
        default: nil
        }
    }
}
