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
    /// The log's next event, if ``ending`` is nil.
    private(set) var next = Event(kind: 0, role: .vcpu, icount: 0, index: 0)
    /// Set when no event is left.
    private(set) var ending: Ending?
    /// The icount of what comes next, event or ending.
    private(set) var nextIcount: UInt64 = 0
    /// The end was told to the host.
    var endWasTold: Bool {
        get { told.load(ordering: .relaxed) }
        set { told.store(newValue, ordering: .relaxed) }
    }
    private let told = Atomic<Bool>(false)
    private let recent = RecentEvents()

    init(_ reader: LogReader) {
        self.reader = reader
        fetch(after: 0)
    }

    /// Goes on to the event behind ``next``.
    func consume() {
        recent.note(next)
        fetch(after: next.icount)
    }

    private func fetch(after icount: UInt64) {
        do {
            if let event = try reader.next() {
                guard event.icount >= icount, event.knownKind != nil else {
                    return end(
                        .damaged(
                            LogError(
                                .damaged,
                                "event \(event.index) of the recording is not one that this version knows",
                                eventIndex: event.index, icount: icount)), icount)
                }
                next = event
                nextIcount = event.icount
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
        nextIcount = icount
    }

    /// Is the next event of this kind, and due?
    @inline(__always)
    func isNext(_ kind: EventKind, at icount: UInt64) -> Bool {
        next.kind == kind.rawValue && nextIcount == icount && ending == nil
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

    /// The index of what comes next.
    var nextIndex: UInt64 { ending == nil ? next.index : recent.count }

    /// "event 12, CLOCK_HOST of the vcpu thread, at icount 500"
    var nextDescription: String {
        switch ending {
        case nil: RecentEvents.describe(next)
        case .finished: "the end of the recording at icount \(nextIcount)"
        case .cut: "the place where the recording was cut, behind icount \(nextIcount)"
        case .damaged: "a damaged place, behind icount \(nextIcount)"
        }
    }

    var history: String { recent.description }
}
