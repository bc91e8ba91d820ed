import ReplayLog
import ReplayQEMU

extension LogTool {
    /// Prints events, as text or as one JSON object in each line.
    public func dump(_ path: String, _ options: DumpOptions) -> ToolExit {
        run { () throws(LogError) in
            switch try OpenedLog(path: path) {
            case .own(let reader): try dump(reader, options)
            case .qemu(let reader): try dump(reader, options)
            }
        }
    }

    private func dump(_ reader: LogReader, _ options: DumpOptions) throws(LogError) -> ToolExit {
        let names = KindNames(reader.kinds)
        let (selected, unknown) = options.selection(of: names.all)
        if let unknown { return noKind(unknown, reader.path, reader.kinds.entries.map(\.name)) }
        switch options.from {
        case .icount(let first): try reader.seek(toEvent: reader.event(beforeIcount: first))
        case .event(let first): try reader.seek(toEvent: min(first, reader.overview.eventCount))
        case nil: break
        }
        while let event = try reader.next() {
            if options.isBefore(event.index, event.icount) { continue }
            if options.isAfter(event.index, event.icount) || output.isBroken { return .fine }
            if let role = options.role, role.rawValue != event.role.name { continue }
            if selected[Int(event.kind & 63)] { show(ShownEvent(event, names)) }
        }
        return ended(reader.path, reader.completeness)
    }

    private func dump(_ reader: QEMULogReader, _ options: DumpOptions) throws(LogError) -> ToolExit {
        let names = (0..<QEMUKind.count).map { QEMUKind(rawValue: UInt8($0)).name }
        let (selected, unknown) = options.selection(of: names)
        if let unknown { return noKind(unknown, reader.path, names) }
        if options.role != nil {
            output.complain(
                "\(reader.path) is a log of QEMU's; those don't say to which thread an event belongs")
            return .unusable
        }
        var event = QEMUEvent()
        while try reader.next(&event) {
            if options.isBefore(event.index, event.icount) { continue }
            if options.isAfter(event.index, event.icount) || output.isBroken { return .fine }
            let number = Int(event.kind.rawValue)
            if number < selected.count && selected[number] { show(ShownEvent(event)) }
        }
        return ended(reader.path, reader.completeness)
    }

    private func show(_ event: ShownEvent) {
        if json { print(event.json) } else { event.print(to: output) }
    }

    private func ended(_ path: String, _ completeness: Completeness) -> ToolExit {
        if let reason = completeness.reason { output.complain("\(path) has no end: \(reason)") }
        return .fine
    }

    private func noKind(_ kind: String, _ path: String, _ names: [String]) -> ToolExit {
        output.complain("\(path) has no kind of event \"\(kind)\"; it has \(names.joined(separator: ", "))")
        return .unusable
    }
}
