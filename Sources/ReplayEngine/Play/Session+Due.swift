import CReplay
import ReplayLog
import Synchronization

/// PLAY: what replay_is_due() reads from any thread, see ``Session/publishNext(_:)``.
struct DueBoard: ~Copyable {
    /// The next event: its head in the low bits, which is 0 after the last event; above that 55 bits of its number,
    /// and ``isSet``. 0: nothing is next.
    static let isSet: UInt64 = 1 << 63
    let word = Atomic<UInt64>(0)
    /// The icount of the next event.
    let icount = Atomic<UInt64>(0)
    /// The number of the event that has arrived.
    let arrival = Atomic<UInt64>(.max)
}

/// PLAY: "is the next event mine, and due?", for a host's own loop.
extension Session {
    /// PLAY: publishes the next event. Every event comes by here, so whether it is due, and the rule of its kind,
    /// are looked up only when a thread asks.
    @inline(__always)
    func publishNext(_ player: Player) {
        due.icount.store(player.nextIcount, ordering: .relaxed)
        due.word.store(player.dueWord, ordering: .releasing)
        if !queue.arrived.isEmpty { publishArrival(player) }
    }

    /// PLAY: has the next event already arrived?
    @inline(never)
    func publishArrival(_ player: Player) {
        guard player.ending == nil, let key = player.next.arrivalKey, queue.arrived[key] != nil else {
            return
        }
        due.arrival.store(player.next.index, ordering: .relaxed)
    }

    func publishNothingDue() {
        due.word.store(0, ordering: .relaxed)
        due.arrival.store(.max, ordering: .relaxed)
    }

    /// Has the vCPU reached the next event? From any thread.
    var isNextReached: Bool { due.icount.load(ordering: .relaxed) == icountSeen }

    /// The word of the next event, if it is due; otherwise 0.
    private var dueNow: UInt64 {
        var word = due.word.load(ordering: .acquiring)
        while word != 0 {
            let isReached = isNextReached
            // A different thread may have moved on between the two.
            let again = due.word.load(ordering: .acquiring)
            if again == word { return isReached ? word : 0 }
            word = again
        }
        return 0
    }

    /// From any thread, with or without the lock. It calls no callback of the host, because it may be called
    /// where a callback would deadlock.
    package var isDue: Bool {
        let word = dueNow
        let roles = ThreadRoles.mine
        let isMine = isDue(word, roles)
        // A thread that only looks makes no progress. A vCPU that executes may look
        // as often as it likes, because then nothing of its own is due.
        if isMine || roles == .io && isPlaying { replay_watch_ask(watch, roles.bits) }
        return isMine
    }

    private func isDue(_ word: UInt64, _ roles: ThreadRoles) -> Bool {
        guard word != 0, isPlaying, roles.bits != 0 else { return false }
        let head = UInt8(truncatingIfNeeded: word)
        guard let rule = EventKind(rawValue: EventHead.kind(head))?.rule, rule.way != .shutdown else {
            return true
        }
        guard roles.has(EventHead.role(head)) else { return false }
        let arrived = due.arrival.load(ordering: .relaxed) &<< 8 | DueBoard.isSet
        return rule.arrival == nil || arrived == word & ~0xFF || queue.inbox.count > 0
    }
}
