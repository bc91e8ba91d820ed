import TestSupport

@testable import ReplayLog

/// An event that owns its bytes: what goes into a log, and what came out of it.
struct TestEvent: Equatable, CustomStringConvertible {
    var kind: UInt8
    var role: ThreadRole
    var icount: UInt64
    var values: [Int64] = [0, 0, 0, 0, 0, 0]
    var bytes: [UInt8] = []

    init(_ kind: EventKind, _ role: ThreadRole, _ icount: UInt64, _ values: [Int64] = [], bytes: [UInt8] = [])
    {
        self.kind = kind.rawValue
        self.role = role
        self.icount = icount
        for (index, value) in values.enumerated() { self.values[index] = value }
        self.bytes = bytes
    }

    init(_ event: Event) {
        kind = event.kind
        role = event.role
        icount = event.icount
        values = [event.a, event.b, event.c, event.d, event.e, event.f]
        bytes = Array(event.bytes)
    }

    var description: String { "\(kind) \(role) \(icount) \(values) \(bytes.count) bytes" }

    /// An event with as many integers as its layout `letters` has.
    static func random(_ icount: inout UInt64, _ generator: inout SeededGenerator, longest: Int = 40)
        -> TestEvent
    {
        let kind = EventKind.allCases.randomElement(using: &generator) ?? .interrupt
        icount += generator.magnitude() >> 40
        var event = TestEvent(kind, Bool.random(using: &generator) ? .io : .vcpu, icount)
        for (index, letter) in kind.layout.description.filter({ $0 != "b" }).enumerated() {
            let value = Int64(bitPattern: generator.magnitude())
            event.values[index] = letter == "s" && Bool.random(using: &generator) ? 0 &- value : value
        }
        if kind.layout.description.contains("b") {
            let count = Int.random(in: 0...longest, using: &generator)
            event.bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        }
        return event
    }

    /// So many random events, the same for the same seed.
    static func script(_ count: Int, seed: UInt64, longest: Int = 40) -> [TestEvent] {
        var generator = SeededGenerator(seed: seed)
        var icount: UInt64 = 0
        return (0..<count).map { _ in random(&icount, &generator, longest: longest) }
    }
}

extension LogWriter {
    /// Appends by the call that suits the kind.
    func append(_ event: TestEvent) -> Bool {
        guard let kind = EventKind(rawValue: event.kind) else { return false }
        let v = event.values
        switch kind.layout.description {
        case "": return append(kind, event.role, event.icount)
        case "c": return appendClock(kind, event.role, event.icount, v[0])
        default:
            return event.bytes.withUnsafeBytes {
                append(kind, event.role, event.icount, v[0], v[1], v[2], v[3], v[4], v[5], bytes: $0)
            }
        }
    }
}

extension LogReader {
    /// All events up to the end or an error.
    func readAll() -> (events: [TestEvent], error: LogError?) {
        var events: [TestEvent] = []
        do throws(LogError) {
            while let event = try next() {
                guard event.index == UInt64(events.count) else {
                    return (events, LogError(.misuse, "event \(events.count) says it is \(event.index)"))
                }
                events.append(TestEvent(event))
            }
            return (events, nil)
        } catch {
            return (events, error)
        }
    }
}

/// What a log gives, opened and read to its end: events, and why there are no more.
struct Outcome {
    var events: [TestEvent] = []
    var error: LogError?
    var state: LogState?

    init(_ path: String) {
        do throws(LogError) {
            let reader = try LogReader(path: path)
            state = reader.state
            (events, error) = reader.readAll()
        } catch {
            self.error = error
        }
    }

    var isFinished: Bool {
        if case .finished = state { return true }
        return false
    }

    var hasDied: Bool {
        if case .died = state { return true }
        return false
    }
}
