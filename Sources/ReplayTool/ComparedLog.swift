import ReplayLog
import ReplayQEMU

/// A log of either type that is read event by event to be compared with one of the same type.
final class ComparedLog {
    let log: OpenedLog
    private var own = Event(kind: 0, role: .vcpu, icount: 0, index: 0)
    private var qemu = QEMUEvent()
    private let names: KindNames?
    /// The integers of each own kind, and whether it has bytes.
    private var shapes: [(integers: Int, hasBytes: Bool)] = []
    /// Is there an event?
    private(set) var hasEvent = true
    /// The events that the log lacks, so far.
    private(set) var missing: UInt64 = 0
    /// What ends the log too early, once it has been reached.
    private(set) var damage: LogError?

    init(path: String) throws(LogError) {
        log = try OpenedLog(path: path)
        switch log {
        case .own(let reader):
            let names = KindNames(reader.kinds)
            self.names = names
            shapes = (0..<64).map { number in
                let layout = names.layout(UInt8(number))
                return (layout.filter { $0 != "b" }.count, layout.contains("b"))
            }
        case .qemu: names = nil
        }
        if case .own(let reader) = log { reader.onGap = { [unowned self] gap in missing &+= gap.count } }
    }

    var completeness: Completeness {
        switch log {
        case .own(let reader): reader.completeness
        case .qemu(let reader): reader.completeness
        }
    }

    /// Why there are no more events.
    var ending: String {
        if let damage { return damage.message }
        return switch completeness {
        case .finished: "it ends there"
        case .running: "a recorder is still writing it"
        case .died(let reason), .cut(let reason): reason
        }
    }

    /// Goes to the next event, or to the end.
    @inline(__always)
    func advance() throws(LogError) {
        do throws(LogError) {
            switch log {
            case .own(let reader):
                hasEvent = try withUnsafeMutablePointer(to: &own) { place throws(LogError) in
                    try reader.next(into: place)
                }
            case .qemu(let reader): hasEvent = try reader.next(&qemu)
            }
        } catch {
            guard error.code == .damaged else { throw error }
            damage = error
            hasEvent = false
        }
    }

    /// How far the log has been read. Call it for each event.
    @inline(__always)
    func report(to output: ToolOutput) {
        switch log {
        case .own(let reader): output.progress(reader, event: own.index)
        case .qemu(let reader): output.progress(reader, event: qemu.index)
        }
    }

    /// Goes to an event that was there before.
    func go(toEvent index: UInt64) throws(LogError) {
        guard case .own(let reader) = log else {
            while self.index < index && hasEvent { try advance() }
            return
        }
        try reader.seek(toEvent: index)
        try advance()
    }

    // MARK: The event

    var icount: UInt64 { isOwn ? own.icount : qemu.icount }
    var index: UInt64 { isOwn ? own.index : qemu.index }
    private var isOwn: Bool { names != nil }

    /// Kind and role.
    var head: UInt8 { isOwn ? own.head : qemu.kind.rawValue }

    func kindName(ofHead head: UInt8) -> String {
        names?.name(head & 63) ?? QEMUKind(rawValue: head).name
    }

    var shown: ShownEvent {
        names.map { ShownEvent(own, $0) } ?? ShownEvent(qemu)
    }

    /// Are both at equal events? Their numbers don't count.
    @inline(__always)
    func isEqual(_ other: ComparedLog) -> Bool {
        head == other.head && icount == other.icount && hasEqualContent(other)
    }

    private func hasEqualContent(_ other: ComparedLog) -> Bool {
        guard isOwn else { return qemu.payload.elementsEqual(other.qemu.payload) }
        let shape = shapes[Int(own.head & 63)]
        guard integers(shape.integers) == other.integers(shape.integers) else { return false }
        return !shape.hasBytes || own.bytes.elementsEqual(other.own.bytes)
    }

    /// Those that the kind has, and zeros.
    private func integers(_ count: Int) -> SIMD8<Int64> {
        var values = SIMD8(own.a, own.b, own.c, own.d, own.e, own.f, 0, 0)
        var number = count
        while number < 6 {
            values[number] = 0
            number &+= 1
        }
        return values
    }

    /// Distinguishes the fields and bytes from all others of the same kind.
    var content: Int {
        var hasher = Hasher()
        guard isOwn else {
            hasher.combine(bytes: qemu.payload)
            return hasher.finalize()
        }
        let shape = shapes[Int(own.head & 63)]
        hasher.combine(integers(shape.integers))
        if shape.hasBytes { hasher.combine(bytes: own.bytes) }
        return hasher.finalize()
    }
}
