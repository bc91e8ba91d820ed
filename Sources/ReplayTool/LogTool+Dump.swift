import ReplayLog
import ReplayQEMU

extension LogTool {
    /// Prints events, as text or as one JSON object in each line.
    public func dump(_ path: String, _ options: DumpOptions) -> ToolExit {
        run { () throws(LogError) in
            let log = try OpenedLog(path: path)
            let filter: EventFilter
            do throws(EventFilter.Refusal) {
                filter = try EventFilter(log, options)
            } catch {
                output.complain(error.sentence)
                return .unusable
            }
            switch log {
            case .own(let reader):
                try filter.enter(reader)
                if options.follows { return try follow(reader, filter, options) }
                guard try dump(reader, filter, options) else { return .fine }
                return ended(path, reader.completeness)
            case .qemu(let reader):
                if options.follows {
                    output.complain(
                        "\(path) is a log of QEMU's; those don't say whether a recorder is still writing them"
                    )
                    return .unusable
                }
                try filter.enter(reader)
                return try dump(reader, filter, options)
            }
        }
    }

    /// From the reader's place on. False: it stopped before the log's end.
    func dump(
        _ reader: LogReader, _ filter: EventFilter, _ options: DumpOptions,
        see: (UInt64) -> Bool = { _ in true }
    ) throws(LogError) -> Bool {
        let names = KindNames(reader.kinds)
        reader.onGap = { gap in show(gap) }
        while let event = try reader.next() {
            output.progress(reader, event: event.index)
            if filter.isPast(event.index, event.icount) || output.isBroken { return false }
            if filter.selects(event) { show(ShownEvent(event, names), options) }
            if !see(event.index) { return false }
        }
        return true
    }

    private func dump(_ reader: QEMULogReader, _ filter: EventFilter, _ options: DumpOptions)
        throws(LogError) -> ToolExit
    {
        var event = QEMUEvent()
        while try reader.next(&event) {
            output.progress(reader, event: event.index)
            if filter.isPast(event.index, event.icount) || output.isBroken { return .fine }
            guard filter.selects(event) else { continue }
            var shown = ShownEvent(event)
            if !reader.knowsOffset { shown.offset = nil }
            show(shown, options)
        }
        return ended(reader.path, reader.completeness)
    }

    private func show(_ gap: LogGap) {
        if json {
            print(.object([("missing", gap.json)]))
        } else {
            output.line("--------- missing: \(gap.what) ---------")
        }
    }

    private func show(_ event: ShownEvent, _ options: DumpOptions) {
        if json { print(event.json(options.payload)) } else { event.print(to: output, options.payload) }
    }

    private func ended(_ path: String, _ completeness: Completeness) -> ToolExit {
        if let reason = completeness.reason {
            output.complain("\(path) \(completeness.complaint): \(reason)")
        }
        return .fine
    }
}
