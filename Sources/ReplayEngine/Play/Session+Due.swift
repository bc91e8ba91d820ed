import CReplay
import ReplayLog
import Synchronization

/// PLAY: "is the next event mine, and due?", for a host's own loop.
extension Session {
    /// PLAY: what is next has changed. In every event's way: whether it is due, and the rule of its kind, are
    /// looked at when somebody asks.
    @inline(__always)
    func publishNext(_ player: Player) {
        nextPlace.store(player.nextIcount, ordering: .relaxed)
        due.store(player.dueWord, ordering: .releasing)
        if !arrived.isEmpty { publishArrival(player) }
    }

    /// PLAY: has what is next arrived already?
    @inline(never)
    func publishArrival(_ player: Player) {
        guard player.ending == nil, let key = player.next.arrivalKey, arrived[key] != nil else { return }
        dueArrival.store(player.next.index, ordering: .relaxed)
    }

    func publishNothingDue() {
        due.store(0, ordering: .relaxed)
        dueArrival.store(.max, ordering: .relaxed)
    }

    /// Has the vCPU reached what comes next? From any thread.
    var isNextReached: Bool { nextPlace.load(ordering: .relaxed) == icountSeen }

    /// The word of what is next, if it is due; 0: nothing is.
    private var dueNow: UInt64 {
        var word = due.load(ordering: .acquiring)
        while word != 0 {
            let isReached = isNextReached
            // Another thread may have gone on between the two.
            let again = due.load(ordering: .acquiring)
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
        guard let rule = EventKind(rawValue: UInt8(truncatingIfNeeded: word &>> 8))?.rule,
            rule.way != .shutdown
        else { return true }
        guard roles.has(word & 2 == 0 ? .vcpu : .io) else { return false }
        // Above the kind there is room for 48 bits of the number.
        return !rule.needsArrival || dueArrival.load(ordering: .relaxed) & (.max &>> 16) == word &>> 16
            || inbox.count > 0
    }
}
