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
        var search = Search()
        defer { explain(search, options, reader.metadata) { (try? reader.lastIcount()) ?? 0 } }
        while let event = try reader.next() {
            output.progress(reader, event: event.index)
            if filter.isPast(event.index, event.icount) || output.isBroken {
                search.isOver = true
                return false
            }
            if filter.isInRange(event.index, event.icount) { search.hasPlace = true }
            if filter.selects(event) {
                search.isFound = true
                show(ShownEvent(event, names), options)
            }
            if !see(event.index) {
                search.isOver = true
                return false
            }
        }
        return true
    }

    private func dump(_ reader: QEMULogReader, _ filter: EventFilter, _ options: DumpOptions)
        throws(LogError) -> ToolExit
    {
        var event = QEMUEvent()
        var search = Search()
        defer { explain(search, options, nil) { reader.lastIcount } }
        while try reader.next(&event) {
            output.progress(reader, event: event.index)
            if filter.isPast(event.index, event.icount) || output.isBroken {
                search.isOver = true
                return .fine
            }
            if filter.isInRange(event.index, event.icount) { search.hasPlace = true }
            guard filter.selects(event) else { continue }
            search.isFound = true
            var shown = ShownEvent(event)
            if !reader.knowsOffset { shown.offset = nil }
            show(shown, options)
        }
        return ended(reader.path, reader.completeness)
    }

    /// What a search for events has found.
    private struct Search {
        /// One that is shown.
        var isFound = false
        /// One between the places, shown or not.
        var hasPlace = false
        /// It stopped before the end of the log.
        var isOver = false
    }

    /// Says why nothing is shown, if that was asked for by place or kind.
    private func explain(
        _ search: Search, _ options: DumpOptions, _ metadata: LogMetadata?, lastIcount: () -> UInt64
    ) {
        let isChosen = !options.kinds.isEmpty || options.role != nil || options.device != nil
        guard !search.isFound, !output.isBroken, !options.follows, isChosen || options.from != nil else {
            return
        }
        if search.hasPlace {
            output.complain("no events: those there are of a different kind, role or device")
        } else if search.isOver {
            output.complain("no events: there are none between these places")
        } else if case .time? = options.from, let end = metadata?.nanoseconds(lastIcount()) {
            let seconds = Columns.decimal(end, 1_000_000_000, places: 9)
            output.complain(
                "no events: the recording ends at \(seconds) s (time that the guest slept isn't counted)")
        } else {
            output.complain("no events: the log ends before, at icount \(lastIcount())")
        }
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
