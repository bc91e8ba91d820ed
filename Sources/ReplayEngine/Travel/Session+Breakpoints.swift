/// Breakpoints and watchpoints of the host's CPU.
extension Session {
    /// The guest is about to execute an instruction with a breakpoint. True: it must stop before it.
    package func reachBreakpoint(_ kind: Int32, _ address: UInt64) -> Bool {
        if refusal(.vcpu, "replay_breakpoint") != nil { return false }
        guard BreakKind(rawValue: kind) != nil else {
            misuse(.invalidArgument, "breakpoints of kind \(kind) do not exist")
            return false
        }
        // In mode NONE a thread may come without the lock, while a different one ends the run.
        guard isStarted, !shared.isEnding.load(ordering: .acquiring) else { return false }
        let hit = Travel.Hit(icount: host.icount, kind: kind, address: address)
        lintHit(hit)
        switch travel.goal {
        case .seek, .access: return false
        case .search(var search):
            guard hit.icount < search.end, isMet(kind, address) else {
                return false
            }
            search.found = hit
            travel.goal = .search(search)
            return false
        case .hit(let wanted): guard hit.icount == wanted.icount, isMet(kind, address) else { return false }
        case .none, .step:
            if let start = travel.resumedAt, start.icount == hit.icount, start.fromWatch || !hit.isWatch {
                return false
            }
            guard isMet(kind, address) else { return false }
        }
        travel.hit = hit
        shared.stopIcount.store(0, ordering: .relaxed)
        return true
    }

    /// Does a debugger's condition for what is there hold?
    private func isMet(_ kind: Int32, _ address: UInt64) -> Bool {
        let condition = travel.counts.withLock { $0 }
        return condition.isMet?(kind, address) ?? true
    }
}
