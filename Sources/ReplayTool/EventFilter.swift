import ReplayLog
import ReplayQEMU

/// The events of one log that options select.
struct EventFilter {
    /// Why a log can't be filtered so.
    struct Refusal: Error {
        var sentence: String
    }

    private var selected: [Bool]
    private var role: DumpOptions.Role?
    private var device: DumpOptions.Device?
    private var first: (icount: UInt64, event: UInt64) = (0, 0)
    private var last: (icount: UInt64, event: UInt64) = (.max, .max)

    init(_ log: OpenedLog, _ options: DumpOptions) throws(Refusal) {
        let names: [String]
        let known: [String]
        switch log {
        case .own(let reader):
            names = KindNames(reader.kinds).all
            known = reader.kinds.entries.map(\.name)
        case .qemu(let reader):
            names = (0..<64).map { QEMUKind(rawValue: $0).name }
            known = Array(names.prefix(QEMUKind.count))
            if options.role != nil {
                throw Refusal(
                    sentence:
                        "\(reader.path) is a log of QEMU's; those don't say to which thread an event belongs")
            }
        }
        let (selected, unknown) = options.selection(of: names)
        if let unknown {
            throw Refusal(
                sentence:
                    "\(log.path) has no kind of event \"\(unknown)\"; it has \(known.joined(separator: ", "))"
            )
        }
        self.selected = selected
        role = options.role
        device = options.device
        switch options.from {
        case .icount(let icount): first.icount = icount
        case .event(let event): first.event = event
        case .time(let time): first.icount = try EventFilter.clock(log, options).firstIcount(at: time)
        case nil: break
        }
        switch options.to {
        case .icount(let icount): last.icount = icount
        case .event(let event): last.event = event
        case .time(let time): last.icount = try EventFilter.clock(log, options).lastIcount(at: time)
        case nil: break
        }
        if first.icount > last.icount || first.event > last.event {
            throw Refusal(sentence: "there is nothing from a place to one before it")
        }
    }

    private static func clock(_ log: OpenedLog, _ options: DumpOptions) throws(Refusal) -> LogClock {
        if let clock = LogClock(log, shift: options.shift) { return clock }
        throw Refusal(
            sentence:
                "\(log.path) doesn't say how long an instruction takes; give --shift, or a place by icount or event:N"
        )
    }

    /// Goes to the first event that may be selected, or close before it.
    func enter(_ reader: LogReader) throws(LogError) {
        if let entry = entry(of: reader) { try reader.seek(toEvent: entry) }
    }

    /// The same in a converted log.
    func enter(_ reader: QEMULogReader) throws(LogError) {
        if let own = reader.ownLog, let entry = entry(of: own) { try reader.enter(atEvent: entry) }
    }

    /// Nil: its beginning.
    private func entry(of reader: LogReader) -> UInt64? {
        if first.event > 0 { return min(max(first.event, reader.firstEvent), reader.endEvent) }
        return first.icount > 0 ? reader.event(beforeIcount: first.icount) : nil
    }

    /// Is it after all that are selected?
    func isPast(_ event: UInt64, _ icount: UInt64) -> Bool { icount > last.icount || event > last.event }

    func isInRange(_ event: UInt64, _ icount: UInt64) -> Bool {
        icount >= first.icount && event >= first.event && !isPast(event, icount)
    }

    func selects(_ event: Event) -> Bool {
        guard isInRange(event.index, event.icount), selected[Int(event.kind & 63)] else { return false }
        if let role, role.rawValue != event.role.name { return false }
        return device?.includes(event.source) ?? true
    }

    func selects(_ event: borrowing QEMUEvent) -> Bool {
        guard isInRange(event.index, event.icount), selected[Int(event.kind.rawValue & 63)] else {
            return false
        }
        return device?.includes(event.source) ?? true
    }
}

extension Event {
    /// The device that the event comes from, if its kind names one.
    var source: DumpOptions.Device? {
        switch knownKind {
        case .charRead, .charRegister: .init(number: UInt64(bitPattern: a), class: .char)
        case .net: .init(number: UInt64(bitPattern: a), class: .net)
        case .inputFrom: input?.origin.map { .init(number: UInt64($0.device), class: .input) }
        default: nil
        }
    }
}

extension QEMUEvent {
    var source: DumpOptions.Device? {
        switch kind {
        case .charRead: .init(number: UInt64(device), class: .char)
        case .net: .init(number: UInt64(device), class: .net)
        default: nil
        }
    }
}
