import CReplay
import ReplayLog
import Synchronization

/// PLAY: what replay_is_due() looks at from any thread, see ``Session/publishNext(_:)``.
struct DueBoard: ~Copyable {
    /// What is next: its head lowest, which is 0 after the last event; above that its number, of which 55
    /// bits have room; and ``isSet``. 0: nothing is next.
    static let isSet: UInt64 = 1 << 63
    let word = Atomic<UInt64>(0)
    /// The icount of what is next.
    let icount = Atomic<UInt64>(0)
    /// The number of the event that has arrived.
    let arrival = Atomic<UInt64>(.max)
}

/// PLAY: "is the next event mine, and due?", for a host's own loop.
extension Session {
    /// PLAY: what is next has changed. In every event's way: whether it is due, and the rule of its kind, are
    /// looked at when somebody asks.
    @inline(__always)
    func publishNext(_ player: Player) {
        due.icount.store(player.nextIcount, ordering: .relaxed)
        due.word.store(player.dueWord, ordering: .releasing)
        if !queue.arrived.isEmpty { publishArrival(player) }
    }

    /// PLAY: has what is next arrived already?
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

    /// Has the vCPU reached what comes next? From any thread.
    var isNextReached: Bool { due.icount.load(ordering: .relaxed) == icountSeen }

    /// The word of what is next, if it is due; 0: nothing is.
    private var dueNow: UInt64 {
        var word = due.word.load(ordering: .acquiring)
        while word != 0 {
            let isReached = isNextReached
            // Another thread may have gone on between the two.
            let again = due.word.load(ordering: .acquiring)
            if again == word { return isReached ? word : 0 }
            word = again
        }
        return 0
    }

    /// From any thread, with the lock or without it. No callback of the host's is called: it may be asked
    /// where one would wait for ever.
    package var isDue: Bool {
        let word = dueNow
        let roles = ThreadRoles.mine
        let isMine = isDue(word, roles)
        // A thread that looks and does nothing about it stands still. A vCPU that executes may look
        // as often as it likes: then nothing of its own is due.
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
