import ReplayLog

/// Compares two logs of one type: finds the first difference, and counts the others.
///
/// It holds the events of one icount, and no more than ``mostAtOnce`` of them.
struct LogComparison {
    /// An event that differs, or a neighbour.
    struct Line {
        enum Place: String {
            case both
            case onlyA = "a"
            case onlyB = "b"
        }

        var place: Place
        var event: ShownText
    }

    struct Counts {
        var both: UInt64 = 0
        var changed: UInt64 = 0
        var onlyA: UInt64 = 0
        var onlyB: UInt64 = 0

        var different: UInt64 { changed &+ onlyA &+ onlyB }
        var all: UInt64 { both &+ different }

        mutating func add(_ other: Counts) {
            both &+= other.both
            changed &+= other.changed
            onlyA &+= other.onlyA
            onlyB &+= other.onlyB
        }
    }

    /// The first events that differ. Nil: one of the logs has none any more.
    private(set) var firstA: ShownText?
    private(set) var firstB: ShownText?
    /// The number of events that both have before them.
    private(set) var equalEvents: UInt64 = 0
    private(set) var before: [Line] = []
    private(set) var after: [Line] = []
    /// From the first difference on.
    private(set) var rest = Counts()
    /// The same by kind and role.
    private var byHead = [Counts](repeating: Counts(), count: 256)
    let a: ComparedLog
    let b: ComparedLog
    private let json: Bool
    private let output: ToolOutput

    private static let mostAtOnce = 4096

    var eventsAreEqual: Bool { rest.different == 0 }

    /// The kinds that are there from the first difference on, those with most differences first.
    var countsByKind: [(name: String, counts: Counts)] {
        var kinds: [(name: String, counts: Counts)] = []
        for (head, counts) in byHead.enumerated() where counts.all > 0 {
            let name = a.kindName(ofHead: UInt8(truncatingIfNeeded: head))
            if let place = kinds.firstIndex(where: { $0.name == name }) {
                kinds[place].counts.add(counts)
            } else {
                kinds.append((name, counts))
            }
        }
        return kinds.sorted {
            ($1.counts.different, $1.counts.all, $0.name) < ($0.counts.different, $0.counts.all, $1.name)
        }
    }

    /// - Parameters:
    ///   - context: the number of neighbours that are kept on each side of the first difference.
    ///   - json: whether events are kept as JSON, besides their lines.
    ///   - output: what shows the progress, by the first log.
    init(_ pathA: String, _ pathB: String, context: Int, json: Bool, output: ToolOutput) throws(LogError) {
        self.json = json
        self.output = output
        a = try ComparedLog(path: pathA)
        b = try ComparedLog(path: pathB)
        guard a.log.isOwn == b.log.isOwn else {
            throw LogError(
                .notALog, "\(pathA) and \(pathB) are logs of different types; convert the one of QEMU's first"
            )
        }
        try a.advance()
        try b.advance()
        while a.hasEvent, b.hasEvent, a.isEqual(b) {
            equalEvents &+= 1
            a.report(to: output)
            try a.advance()
            try b.advance()
        }
        guard a.hasEvent || b.hasEvent else { return }
        firstA = a.hasEvent ? ShownText(a.shown, json) : nil
        firstB = b.hasEvent ? ShownText(b.shown, json) : nil
        before = try neighbours(before: equalEvents, context, pathA)
        try alignRest(context)
    }

    /// The last events that both have, read again.
    private func neighbours(before index: UInt64, _ count: Int, _ path: String) throws(LogError) -> [Line] {
        let first = index &- min(index, UInt64(clamping: count))
        if first == index { return [] }
        let log = try ComparedLog(path: path)
        try log.go(toEvent: first)
        var lines: [Line] = []
        while log.hasEvent && log.index < index {
            lines.append(Line(place: .both, event: ShownText(log.shown, json)))
            try log.advance()
        }
        return lines
    }

    // MARK: The rest

    private struct Group {
        var items: [EventAlignment.Item] = []
        /// Of the first ones only.
        var shown: [ShownText] = []
    }

    /// Goes from icount to icount, and aligns the events that the logs have there.
    private mutating func alignRest(_ context: Int) throws(LogError) {
        // The event that differs, and its neighbours.
        var wanted = context &+ 1
        while a.hasEvent || b.hasEvent {
            let icount = min(a.hasEvent ? a.icount : .max, b.hasEvent ? b.icount : .max)
            let groupA = try take(a, icount, wanted)
            let groupB = try take(b, icount, wanted)
            for pair in EventAlignment.align(groupA.items, groupB.items) {
                count(pair, groupA, groupB)
                if wanted > 0 {
                    note(pair, groupA.shown, groupB.shown)
                    wanted &-= 1
                }
            }
        }
    }

    private func take(_ log: ComparedLog, _ icount: UInt64, _ shown: Int) throws(LogError) -> Group {
        var group = Group()
        while log.hasEvent, log.icount == icount, group.items.count < LogComparison.mostAtOnce {
            if group.shown.count < shown { group.shown.append(ShownText(log.shown, json)) }
            group.items.append(EventAlignment.Item(head: log.head, content: log.content))
            if log === a { a.report(to: output) }
            try log.advance()
        }
        return group
    }

    private mutating func count(_ pair: EventAlignment.Pair, _ groupA: Group, _ groupB: Group) {
        let (head, counter): (UInt8, WritableKeyPath<Counts, UInt64>) =
            switch pair {
            case .both(let place, _): (groupA.items[place].head, \.both)
            case .changed(let place, _): (groupA.items[place].head, \.changed)
            case .onlyA(let place): (groupA.items[place].head, \.onlyA)
            case .onlyB(let place): (groupB.items[place].head, \.onlyB)
            }
        rest[keyPath: counter] &+= 1
        byHead[Int(head)][keyPath: counter] &+= 1
    }

    private mutating func note(_ pair: EventAlignment.Pair, _ shownA: [ShownText], _ shownB: [ShownText]) {
        func add(_ place: Line.Place, _ shown: [ShownText], _ index: Int) {
            if index < shown.count { after.append(Line(place: place, event: shown[index])) }
        }
        switch pair {
        case .both(let place, _): add(.both, shownA, place)
        case .changed(let placeA, let placeB):
            add(.onlyA, shownA, placeA)
            add(.onlyB, shownB, placeB)
        case .onlyA(let place): add(.onlyA, shownA, place)
        case .onlyB(let place): add(.onlyB, shownB, place)
        }
    }
}

/// An event that is kept after the log has gone on: its line, and its JSON.
struct ShownText {
    var index: UInt64
    var icount: UInt64
    /// Kind, role, fields and bytes.
    var text: String
    var json: JSONText?

    private static let longestBytes = 16

    init(_ event: ShownEvent, _ withJSON: Bool) {
        index = event.index
        icount = event.icount
        json = withJSON ? event.json(.both) : nil
        text = event.kind + (event.role.map { " (\($0))" } ?? "")
        for (name, value) in event.fields { text += " \(name)=\(value.plain)" }
        guard let bytes = event.bytes else { return }
        text += " bytes=\(bytes.count)"
        if bytes.isEmpty { return }
        let start = UnsafeRawBufferPointer(rebasing: bytes.prefix(ShownText.longestBytes))
        text += " \(Hex.digits(start))\(start.count < bytes.count ? "…" : "")"
    }
}
