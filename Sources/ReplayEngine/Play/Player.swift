import ReplayLog
import Synchronization

/// PLAY's cursor: the place in the log, the next event, and the state of a replay that isn't part of
/// a snapshot.
final class Player {
    /// What comes after the last event.
    enum Ending {
        case finished(LogEnd)
        case cut(String)
        case damaged(LogError)
    }

    let reader: LogReader
    var ring = EventRing()
    /// The log's next event. After the last one its kind is 0, and only its place is valid.
    var next: Event { @inline(__always) get { ring.next.pointee } }
    /// Set if no event is left.
    var ending: Ending?
    /// The number of the next event, or of the ending.
    var nextIndex: UInt64 { @inline(__always) get { ring.next.pointee.index } }
    /// The icount of the next event, or of the ending.
    var nextIcount: UInt64 { @inline(__always) get { ring.next.pointee.icount } }
    /// The hot half of the reader, for events that are small.
    private let decoder: UnsafeMutablePointer<EventDecoder>
    /// Does the host know of the end? For any thread.
    var endIsReported: Bool {
        get { reported.load(ordering: .relaxed) }
        set { reported.store(newValue, ordering: .relaxed) }
    }
    private let reported = Atomic<Bool>(false)
    /// A bit for each kind that this version knows.
    private let knownKinds = EventKind.allCases.reduce(0 as UInt64) { $0 | 1 &<< UInt64($1.rawValue) }

    // MARK: What waits

    /// How long, in real ns, the host's main loop has for an event that only it can lead to. It gets shorter with
    /// each clock reading that the loop doesn't repeat.
    var patience = Player.fullPatience
    static let fullPatience: Int64 = 20_000_000
    /// The event that was next after the I/O thread's last turn, and the time of that turn.
    private var left: (index: UInt64, time: Int64) = (.max, 0)
    /// Since when a shutdown has been due that the host may not request.
    private var dueShutdown: (index: UInt64, since: Int64) = (.max, 0)
    /// The event of the last wake-up, and whether it was due.
    private var lastWake: (index: UInt64, isDue: Bool) = (.max, false)
    /// Causes of shutdowns that were skipped, and that must still be delivered.
    var owedShutdowns = ShutdownQueue()
    /// The cause of the last shutdown that was reached.
    var lastShutdown: ShutdownCause?
    /// Does the vCPU thread have a budget that it hasn't accounted yet?
    var isInSlice = false
    /// The completion that hadn't arrived at its flush within a slice.
    var missedCompletion: UInt64 = .max
    /// The replay has just gone to a different place, and the vCPU thread has had no budget there.
    var isFresh = false
    /// What is next once the machine runs again, which is paused.
    var frozen: (event: Event, ending: Ending?)?
    /// A snapshot was loaded that was taken before the events of its icount.
    var isArrival = false
    /// Where the replay is interrupted, see ``Session/setBreak(_:_:_:)``.
    private(set) var breakIcount: UInt64 = .max
    private var breakCallback: (Callback, UnsafeMutableRawPointer?)?

    init(_ reader: LogReader) {
        self.reader = reader
        decoder = reader.decoder
        fetch(after: 0, reader.firstEvent)
    }

    deinit { ring.deallocate() }

    /// Moves to the event after ``next``.
    @inline(__always)
    func consume() {
        let (icount, index) = (nextIcount, nextIndex)
        ring.advance()
        if decoder.pointee.nextClock(into: ring.next) { return }
        fetch(after: icount, index &+ 1)
    }

    @inline(never)
    func fetch(after icount: UInt64, _ index: UInt64) {
        do {
            if try reader.next(into: ring.next) {
                let event = ring.next
                guard event.pointee.icount >= icount, knownKinds &>> UInt64(event.pointee.kind) & 1 != 0
                else {
                    return end(
                        .damaged(
                            LogError(
                                .damaged,
                                "this version does not know event \(index) of the recording",
                                eventIndex: index, icount: icount)), icount, index)
                }
                return
            }
            switch reader.state {
            case .finished(let record): end(.finished(record), max(record.icount, icount), index)
            case .running:
                let reason =
                    reader.isStillRecorded
                    ? "it is still being recorded"
                    : "it was being recorded when the replay opened it; its recorder has ended since"
                end(.cut(reason), icount, index)
            case .died(let reason): end(.cut(reason), icount, index)
            }
        } catch {
            end(.damaged(error), icount, index)
        }
    }

    private func end(_ ending: Ending, _ icount: UInt64, _ index: UInt64) {
        self.ending = ending
        ring.next.pointee = Event(kind: EventHead.none, role: .vcpu, icount: icount, index: index)
    }

    /// Is the next event of this kind, and due?
    @inline(__always)
    func isNext(_ kind: EventKind, at icount: UInt64) -> Bool {
        ring.next.pointee.kind == kind.rawValue && nextIcount == icount
    }

    /// The same with its role, as ``EventHead``.
    @inline(__always)
    func isNext(head: UInt8, at icount: UInt64) -> Bool {
        ring.next.pointee.head == head && nextIcount == icount
    }

    /// The rule of the next event; nil after the last one.
    var nextRule: EventRule? { EventKind(rawValue: next.kind)?.rule }

    // MARK: Its end

    /// Calls of threads in which the host may be called; the owner of the replay lock counts.
    var pins = 0
    /// The run has ended.
    private(set) var isClosed = false

    /// The run ends: nothing is next any more. - Returns: may it be released?
    func close() -> Bool {
        isClosed = true
        end(.cut("the run has ended"), .max, nextIndex)
        endIsReported = true
        owedShutdowns = ShutdownQueue()
        deleteBreak()
        return pins == 0
    }

    /// - Returns: is this the last use of a closed player, which is to be released?
    func unpin() -> Bool {
        pins &-= 1
        return isClosed && pins == 0
    }

    // MARK: The break

    func setBreak(_ icount: UInt64, _ callback: @escaping Callback, _ opaque: UnsafeMutableRawPointer?) {
        (breakIcount, breakCallback) = (icount, (callback, opaque))
    }

    func deleteBreak() { (breakIcount, breakCallback) = (.max, nil) }

    /// What to call at the break, which is over then.
    func takeBreak() -> (Callback, UnsafeMutableRawPointer?)? {
        defer { deleteBreak() }
        return breakCallback
    }

    // MARK: Waiting

    /// Leaves the next event to the host's own loop, and notes since when.
    func leave(_ now: Int64) { if left.index != nextIndex { left = (nextIndex, now) } }

    /// The host was asked to lead to it, so its time begins again.
    func leaveAnew() { left.index = .max }

    /// Real ns until the host's loop has had its time; 0 if it wasn't asked yet.
    func restOfPatience(_ now: Int64) -> Int64 {
        left.index == nextIndex ? max(left.time &+ patience &- now, 0) : 0
    }

    /// Has the host's loop had its time? The first call starts it.
    func isUnrepeated(_ now: Int64) -> Bool {
        guard left.index == nextIndex else {
            leave(now)
            return false
        }
        return now &- left.time >= patience
    }

    /// Has a shutdown been due for so long that the host won't request it?
    func isShutdownLate(_ now: Int64) -> Bool {
        if dueShutdown.index != nextIndex { dueShutdown = (nextIndex, now) }
        return now &- dueShutdown.since >= Self.fullPatience
    }

    /// - Returns: does this wake-up differ from the last one?
    func notesWake(isDue: Bool) -> Bool {
        if lastWake == (nextIndex, isDue) { return false }
        lastWake = (nextIndex, isDue)
        return true
    }

    /// What has waited is elsewhere.
    func forgetWaits() {
        (left, dueShutdown, lastWake) = ((.max, 0), (.max, 0), (.max, false))
    }

    // MARK: Facts

    /// No event is left, although the recording continued.
    var isBroken: Bool {
        switch ending {
        case .cut, .damaged: true
        case .finished, nil: false
        }
    }

    /// What replay_is_due() reads: ``DueBoard/word``.
    var dueWord: UInt64 {
        @inline(__always) get {
            DueBoard.isSet | ring.next.pointee.index &<< 8 | UInt64(ring.next.pointee.head)
        }
    }

    /// "event 12, CLOCK_HOST of the vcpu thread, at icount 500"
    var nextDescription: String {
        switch ending {
        case nil: EventRing.describe(next)
        case .finished: "the end of the recording at icount \(nextIcount)"
        case .cut: "the place where the recording was cut, after icount \(nextIcount)"
        case .damaged: "a damaged place, after icount \(nextIcount)"
        }
    }

    /// Why the log has ended.
    var endDescription: String {
        switch ending {
        case .cut(let reason)?: reason
        case .damaged(let error)?: error.message
        case .finished?, nil: "it is complete"
        }
    }

    var history: String { ring.description }
}
