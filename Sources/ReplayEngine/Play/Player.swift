import ReplayLog
import Synchronization

/// The place in a log that is being played: the next event, and what was
/// consumed last.
final class Player {
    /// What stands behind the last event.
    enum Ending {
        case finished(LogEnd)
        case cut(String)
        case damaged(LogError)
    }

    let reader: LogReader
    private var ring = EventRing()
    /// The log's next event, if ``ending`` is nil.
    var next: Event { @inline(__always) get { ring.next.pointee } }
    /// Its kind; 0 if ``ending`` isn't nil.
    private var nextKind: UInt8 = 0
    /// Set when no event is left.
    private(set) var ending: Ending?
    /// The number of what comes next, event or ending.
    private(set) var nextIndex: UInt64 = 0
    /// The icount of what comes next, event or ending.
    private(set) var nextIcount: UInt64 = 0
    /// The end was told to the host.
    var endWasTold: Bool {
        get { told.load(ordering: .relaxed) }
        set { told.store(newValue, ordering: .relaxed) }
    }
    private let told = Atomic<Bool>(false)
    /// A bit for each kind that this version knows.
    private let knownKinds = EventKind.allCases.reduce(0 as UInt64) { $0 | 1 &<< UInt64($1.rawValue) }

    init(_ reader: LogReader) {
        self.reader = reader
        fetch(after: 0)
    }

    deinit { ring.deallocate() }

    /// Goes on to the event after ``next``.
    func consume() {
        let icount = nextIcount
        ring.advance()
        nextIndex &+= 1
        fetch(after: icount)
    }

    private func fetch(after icount: UInt64) {
        do {
            if try reader.next(into: ring.next) {
                let event = ring.next
                guard event.pointee.icount >= icount, knownKinds &>> UInt64(event.pointee.kind) & 1 != 0
                else {
                    return end(
                        .damaged(
                            LogError(
                                .damaged,
                                "event \(nextIndex) of the recording is not one that this version knows",
                                eventIndex: nextIndex, icount: icount)), icount)
                }
                nextKind = event.pointee.kind
                nextIcount = event.pointee.icount
                nextIndex = event.pointee.index
                return
            }
            switch reader.state {
            case .finished(let record): end(.finished(record), max(record.icount, icount))
            case .running: end(.cut("it is still being recorded"), icount)
            case .died(let reason): end(.cut(reason), icount)
            }
        } catch {
            end(.damaged(error), icount)
        }
    }

    private func end(_ ending: Ending, _ icount: UInt64) {
        self.ending = ending
        nextKind = 0
        nextIcount = icount
    }

    /// Is the next event of this kind, and due?
    @inline(__always)
    func isNext(_ kind: EventKind, at icount: UInt64) -> Bool {
        nextKind == kind.rawValue && nextIcount == icount
    }

    /// The cause, where a shutdown is next.
    var shutdownCause: Int32 { Int32(truncatingIfNeeded: next.a) }

    /// No event is left, though the recording went on.
    var isBroken: Bool {
        switch ending {
        case .cut, .damaged: true
        case .finished, nil: false
        }
    }

    /// What replay_is_due() looks at: bit 0 set, in bit 1 the role, in bits 8 to 15 the kind, 0 for what comes
    /// after the last event, and above that the number.
    var dueWord: UInt64 {
        @inline(__always) get {
            let role = nextKind == 0 ? 0 : UInt64(ring.next.pointee.role.rawValue)
            return 1 | role &<< 1 | UInt64(nextKind) &<< 8 | nextIndex &<< 16
        }
    }

    /// "event 12, CLOCK_HOST of the vcpu thread, at icount 500"
    var nextDescription: String {
        switch ending {
        case nil: EventRing.describe(next)
        case .finished: "the end of the recording at icount \(nextIcount)"
        case .cut: "the place where the recording was cut, behind icount \(nextIcount)"
        case .damaged: "a damaged place, behind icount \(nextIcount)"
        }
    }

    var history: String { ring.description }
}
