import CReplay
import ReplayLog
import Synchronization

/// PLAY: "is the next event mine, and due?", for a host's own loop.
extension Session {
    /// What ``due`` holds: 0 if nothing is due, else bit 0, in bit 1 the role, in bits 8 to 15 the kind,
    /// 0 for what comes after the last event, and above that the event's number.
    private static let dueBit: UInt64 = 1

    /// PLAY: what is next has changed, or whether it is due. In every event's way: the rule of its kind is
    /// looked at when somebody asks.
    @inline(__always)
    func publishDue(_ player: Player) {
        guard player.nextIcount == state.icount else { return due.store(0, ordering: .relaxed) }
        var word = Self.dueBit
        if player.ending == nil {
            if case .io = player.next.role { word |= 2 }
            word |= UInt64(player.next.kind) &<< 8 | player.next.index &<< 16
        }
        due.store(word, ordering: .relaxed)
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

    /// From any thread, with the lock or without it. No callback of the host's is called: it may be asked
    /// where one would wait for ever.
    package var isDue: Bool {
        let word = due.load(ordering: .relaxed)
        let roles = ThreadRoles.mine
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
