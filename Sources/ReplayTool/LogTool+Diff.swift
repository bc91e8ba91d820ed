import ReplayLog
import ReplaySystem

extension LogTool {
    /// Compares two logs: their fingerprints, their events up to the first difference and, in numbers, after it, and
    /// how they end.
    ///
    /// - Parameter context: the number of neighbours of the first difference on each side.
    public func diff(_ pathA: String, _ pathB: String, context: Int) -> ToolExit {
        run { () throws(LogError) in
            let events = try LogComparison(pathA, pathB, context: max(0, context), json: json, output: output)
            let facts = LogFacts.differences(events.a, events.b)
            let isEqual = events.eventsAreEqual && facts.isEmpty
            if json {
                print(json(pathA, pathB, events, facts, isEqual))
            } else {
                printText(pathA, pathB, events, facts, isEqual)
            }
            for damage in [events.a.damage, events.b.damage] {
                if let damage { output.complain(damage.message) }
            }
            return isEqual && events.a.damage == nil && events.b.damage == nil ? .fine : .different
        }
    }

    // MARK: Text

    private func printText(
        _ pathA: String, _ pathB: String, _ events: LogComparison, _ facts: [LogFacts.Difference],
        _ isEqual: Bool
    ) {
        print("A", pathA.shown)
        print("B", pathB.shown)
        for fact in facts {
            output.line("\(fact.name) is \(fact.a ?? "not given") in A, \(fact.b ?? "not given") in B")
        }
        for (name, log) in [("A", events.a), ("B", events.b)] where log.missing > 0 {
            output.line("\(name) lacks \(log.missing) events, lost to damage")
        }
        if isEqual {
            output.line("\(output.styled("equal", .good)): \(events.equalEvents) events")
            return
        }
        if events.eventsAreEqual {
            output.line("all \(events.equalEvents) events are equal")
            return
        }
        output.line()
        output.line(output.styled(sentence(events), .important))
        output.line()
        for line in events.before + events.after { print(line) }
        output.line()
        printCounts(events)
    }

    /// What differs first, so that nobody has to search for it in the lines below.
    private func sentence(_ events: LogComparison) -> String {
        let number = events.equalEvents
        switch (events.firstA, events.firstB) {
        case (let a?, let b?) where a.icount == b.icount:
            return "event \(number) differs, at icount \(a.icount): A has \(a.text), B has \(b.text)"
        case (let a?, let b?) where a.icount < b.icount:
            return
                "event \(number) differs: A has \(a.text) at icount \(a.icount), where B has no event; B goes on with \(b.text) at icount \(b.icount)"
        case (let a?, let b?):
            return
                "event \(number) differs: B has \(b.text) at icount \(b.icount), where A has no event; A goes on with \(a.text) at icount \(a.icount)"
        case (let a?, nil):
            return
                "B has \(number) events, all equal to those of A; then A has \(a.text) at icount \(a.icount), and B has no more: \(events.b.ending)"
        case (nil, let b?):
            return
                "A has \(number) events, all equal to those of B; then B has \(b.text) at icount \(b.icount), and A has no more: \(events.a.ending)"
        case (nil, nil): return ""
        }
    }

    private func print(_ line: LogComparison.Line) {
        let mark =
            switch line.place {
            case .both: " "
            case .onlyA: "A"
            case .onlyB: "B"
            }
        let event = line.event
        let number = Columns.right(String(event.index), 9)
        let text = "\(mark) \(number) \(Columns.right(String(event.icount), 14)) \(event.text)"
        switch line.place {
        case .both: output.line(text)
        case .onlyA: output.line(output.styled(text, .onlyA))
        case .onlyB: output.line(output.styled(text, .onlyB))
        }
    }

    private func printCounts(_ events: LogComparison) {
        let rest = events.rest
        output.line("before it: \(events.equalEvents) equal")
        output.line(
            "from there on, aligned by icount: \(rest.both) equal, \(rest.changed) changed, "
                + "\(rest.onlyA) only in A, \(rest.onlyB) only in B")
        let columns = ["equal", "changed", "only A", "only B"].map { Columns.right($0, 10) }
        output.line("\(Columns.left("kind", 34))\(columns.joined())")
        for (name, counts) in events.countsByKind where counts.different > 0 {
            let numbers = [counts.both, counts.changed, counts.onlyA, counts.onlyB]
            output.line(
                "\(Columns.left(name, 34))\(numbers.map { Columns.right(String($0), 10) }.joined())")
        }
    }

    // MARK: JSON

    private func json(
        _ pathA: String, _ pathB: String, _ events: LogComparison, _ facts: [LogFacts.Difference],
        _ isEqual: Bool
    ) -> JSONText {
        func side(_ path: String, _ log: ComparedLog) -> JSONText {
            .object([
                ("file", .text(path.shown)), ("state", .text(log.completeness.word)),
                ("missing", .unsigned(log.missing)), ("damage", log.damage.map(LogTool.json) ?? .null),
            ])
        }
        func line(_ line: LogComparison.Line) -> JSONText {
            .object([("in", .text(line.place.rawValue)), ("event", line.event.json ?? .null)])
        }
        func text(_ value: String?) -> JSONText { value.map { .text($0) } ?? .null }
        let first: JSONText =
            events.firstA == nil && events.firstB == nil
            ? .null
            : .object([
                ("event", .unsigned(events.equalEvents)),
                ("a", events.firstA?.json ?? .null), ("b", events.firstB?.json ?? .null),
                ("before", .list(events.before.map(line))), ("after", .list(events.after.map(line))),
            ])
        return .object([
            ("equal", .bool(isEqual)), ("a", side(pathA, events.a)), ("b", side(pathB, events.b)),
            (
                "facts",
                .list(
                    facts.map {
                        .object([("name", .text($0.name)), ("a", text($0.a)), ("b", text($0.b))])
                    })
            ),
            ("equal_events", .unsigned(events.equalEvents)), ("first", first),
            ("rest", events.rest.json),
            ("kinds", .object(events.countsByKind.map { ($0.name, $0.counts.json) })),
        ])
    }
}

extension LogComparison.Counts {
    fileprivate var json: JSONText {
        .object([
            ("both", .unsigned(both)), ("changed", .unsigned(changed)), ("only_a", .unsigned(onlyA)),
            ("only_b", .unsigned(onlyB)),
        ])
    }
}

/// What logs say about themselves besides their events.
private enum LogFacts {
    struct Difference {
        var name: String
        /// Nil: the log doesn't say.
        var a: String?
        var b: String?
    }

    /// When they were recorded doesn't count.
    static func differences(_ a: ComparedLog, _ b: ComparedLog) -> [Difference] {
        let withEnds = a.completeness == .finished && b.completeness == .finished
        let (factsA, factsB) = (facts(a, withEnds), facts(b, withEnds))
        let valuesA = Dictionary(factsA, uniquingKeysWith: { first, _ in first })
        let valuesB = Dictionary(factsB, uniquingKeysWith: { first, _ in first })
        var differences = factsA.filter { valuesB[$0.0] != $0.1 }.map {
            Difference(name: $0.0.description, a: $0.1.description, b: valuesB[$0.0]?.description)
        }
        differences += factsB.filter { valuesA[$0.0] == nil }.map {
            Difference(name: $0.0.description, a: nil, b: $0.1.description)
        }
        return differences
    }

    /// In the order of their output.
    private static func facts(_ log: ComparedLog, _ withEnd: Bool) -> [(ByteText, ByteText)] {
        let state = (ByteText("the state"), ByteText(log.completeness.word))
        guard case .own(let reader) = log.log else { return log.damage == nil ? [state] : [] }
        var facts = reader.metadata.fingerprint.map { pair in
            (ByteText("fingerprint field ", pair.key), pair.value)
        }
        let shift = reader.metadata.shift
        let shown: String = shift == 255 ? "automatic" : String(shift)
        facts.append(("the shift", ByteText(shown)))
        facts.append(state)
        if withEnd, case .finished(let end) = reader.state {
            let cause = "\(ShutdownCause.name(end.cause)) (\(end.cause))"
            facts.append(("the cause of the end", ByteText(cause)))
            facts.append(("the exit code", ByteText(String(end.exitCode))))
            facts.append(("the icount at the end", ByteText(String(end.icount))))
            if end.hasDigest { facts.append(("the digest at the end", ByteText(Hex.number(end.digest)))) }
        }
        return facts
    }
}

extension ByteText {
    fileprivate init(_ prefix: String, _ text: ByteText) {
        self.init(Array(prefix.utf8) + text.bytes)
    }
}
