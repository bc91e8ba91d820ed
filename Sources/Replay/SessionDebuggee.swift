import CReplay
import ReplayEngine
import ReplayGDB
import ReplaySystem

/// A session and its host's guest, as the gdb stub sees a machine.
final class SessionDebuggee: Debuggee {
    // Unmanaged in effect: the session ends the stub before it ends itself.
    private unowned let session: Session
    private let guest: GuestAccess
    let targetXML: String
    private let state = Locked(State())

    private struct State {
        var notify: (@Sendable () -> Void)?
        /// A pause before this request was taken isn't the one that the stub waits for.
        var awaited: UInt64 = 0
        var stepping: Stepping?
        /// Of each break that is set.
        var conditions: [BreakSite: BreakCondition?] = [:]
        /// What a debugger that has gone left in the host, because the machine ran. Hits of these don't count.
        var leftovers: [BreakSite] = []
    }

    /// A step of one CPU, for which others may have to execute instructions.
    private struct Stepping {
        let cpu: Int
        /// The CPU that executes the instruction.
        var current: Int
        /// So that a CPU that sleeps doesn't keep the debugger waiting.
        var left = 10_000
    }

    init(_ session: Session, _ target: replay_gdb_target_t) {
        self.session = session
        guest = GuestAccess(target)
        targetXML = target.target_xml.map { String(cString: $0) } ?? ""
    }

    var cpuCount: Int { guest.cpuCount }
    var isBigEndian: Bool { guest.isBigEndian }
    var canReverse: Bool { session.goesBack }
    var mayWrite: Bool { session.mode == .none }

    // MARK: Coming and going

    func attach() {
        session.attachDebugger { [self] in paused() }
    }

    func detach() {
        state.withLock { state in
            state.leftovers += state.conditions.keys
            (state.stepping, state.conditions) = (nil, [:])
            let leftovers = state.leftovers
            if !leftovers.isEmpty { session.countHits { !Self.isHit(leftovers, $0, $1) } }
        }
        session.detachDebugger { [self] in removeLeftovers() }
    }

    /// With the lock held, while the machine is paused or after its end.
    func removeLeftovers() {
        let leftovers = state.withLock { state in
            defer { state.leftovers = [] }
            if !state.leftovers.isEmpty { session.countHits(if: nil) }
            return state.leftovers
        }
        for site in leftovers { _ = guest.setBreak(site, false) }
    }

    private static func isHit(
        _ sites: [BreakSite], _ kind: ReplayEngine.BreakKind, _ address: UInt64
    ) -> Bool {
        sites.contains { site in
            guard site.kind.rawValue == Int(kind.rawValue), address >= site.address else { return false }
            return address &- site.address < (site.kind.isWatch ? site.length : 1)
        }
    }

    func onStop(_ notify: (@Sendable () -> Void)?) {
        state.withLock { $0.notify = notify }
    }

    /// In the vCPU thread, with the lock held.
    private func paused() {
        removeLeftovers()
        let goesOn = state.withLock { state in
            guard var stepping = state.stepping, stepping.left > 0, stepping.current != stepping.cpu,
                session.debuggerStop?.reason == .place
            else {
                state.stepping = nil
                return false
            }
            stepping.left &-= 1
            stepping.current = guest.currentCPU
            state.stepping = stepping
            return true
        }
        if goesOn {
            begin { session.stepMachine() }
        } else {
            state.withLock { $0.notify?() }
        }
    }

    // MARK: Motion

    func pause() { session.pauseForDebugger() }
    func resume() { begin { session.resumeMachine() } }
    func reverseStep() -> String? { refusal(of: begin { session.reverseStepToAccess() }) }
    func reverseContinue() -> String? { refusal(of: begin { session.reverseContinue() }) }

    func step(cpu: Int) {
        if cpuCount > 1 {
            let current = session.whilePaused { guest.currentCPU } ?? cpu
            state.withLock { $0.stepping = Stepping(cpu: cpu, current: current) }
        }
        begin { session.stepMachine() }
    }

    func seek(_ place: Place) -> String? {
        guard session.mode == .play else { return "only a replay can go to a place" }
        let status =
            switch place {
            case .icount(let icount): begin { session.seek(icount) }
            case .event(let event): begin { session.seekEvent(event) }
            }
        return refusal(of: status)
    }

    private func refusal(of status: Status) -> String? {
        status == .ok ? nil : session.lastError?.message ?? "that isn't possible"
    }

    /// A request that is refused leaves the machine where it is.
    @discardableResult
    private func begin(_ request: () -> Status) -> Status {
        let before = session.lastRequest
        state.withLock { $0.awaited = before &+ 1 }
        let status = request()
        if status != .ok {
            state.withLock { state in
                (state.awaited, state.stepping) = (before, nil)
                state.notify?()
            }
        }
        return status
    }

    // MARK: Standing still

    var stop: Stop? {
        guard let stop = session.debuggerStop, stop.request >= state.withLock({ $0.awaited }) else {
            return nil
        }
        let cpu = cpuCount > 1 ? session.whilePaused { guest.currentCPU } ?? 0 : 0
        return Stop(cpu: cpu, reason: Self.reason(stop))
    }

    private static func reason(_ stop: DebuggerStop) -> Stop.Reason {
        switch stop.reason {
        case .request: return .request
        case .place: return .place
        case .begin: return .begin
        case .end: return .end
        case .breakpoint:
            guard let kind = stop.kind.flatMap({ ReplayGDB.BreakKind(rawValue: Int($0.rawValue)) }) else {
                return .place
            }
            return kind.isWatch ? .watch(kind, address: stop.address) : .breakpoint(kind)
        }
    }

    func readRegister(cpu: Int, _ number: Int) -> [UInt8]? {
        session.whilePaused { guest.readRegister(cpu: cpu, number) } ?? nil
    }

    func readRegisters(cpu: Int, _ numbers: [Int]) -> [[UInt8]?] {
        session.whilePaused { guest.readRegisters(cpu: cpu, numbers) } ?? numbers.map { _ in nil }
    }

    func writeRegister(cpu: Int, _ number: Int, _ bytes: [UInt8]) -> Bool {
        mayWrite && session.whilePaused { guest.writeRegister(cpu: cpu, number, bytes) } ?? false
    }

    func readMemory(cpu: Int, address: UInt64, count: Int) -> [UInt8]? {
        session.whilePaused { guest.readMemory(cpu: cpu, address: address, count: count) } ?? nil
    }

    func writeMemory(cpu: Int, address: UInt64, _ bytes: [UInt8]) -> Bool {
        mayWrite && session.whilePaused { guest.writeMemory(cpu: cpu, address: address, bytes) } ?? false
    }

    // MARK: Breaks

    func setBreak(_ site: BreakSite, condition: BreakCondition?) -> Bool {
        changeBreaks { conditions in
            guard conditions[site] != nil || guest.setBreak(site, true) else { return false }
            conditions[site] = .some(condition)
            return true
        }
    }

    func removeBreak(_ site: BreakSite) -> Bool {
        changeBreaks { conditions in
            guard conditions[site] != nil else { return true }
            guard guest.setBreak(site, false) else { return false }
            conditions[site] = nil
            return true
        }
    }

    private func changeBreaks(_ change: (inout [BreakSite: BreakCondition?]) -> Bool) -> Bool {
        session.whilePaused {
            // The same one may be among them.
            removeLeftovers()
            var conditions = state.withLock { $0.conditions }
            guard change(&conditions) else { return false }
            state.withLock { $0.conditions = conditions }
            session.countHits(if: Self.filter(conditions, guest))
            return true
        } ?? false
    }

    /// nil: all hits count. A hit of a watchpoint has the address of the access, and watchpoints have no conditions.
    private static func filter(
        _ conditions: [BreakSite: BreakCondition?], _ guest: GuestAccess
    ) -> ((ReplayEngine.BreakKind, UInt64) -> Bool)? {
        guard conditions.contains(where: { $0.value != nil }) else { return nil }
        return { kind, address in
            let here = conditions.filter {
                $0.key.kind.rawValue == Int(kind.rawValue) && $0.key.address == address
            }
            return here.isEmpty || here.contains { $0.value?(guest, guest.currentCPU) ?? true }
        }
    }

    // MARK: Monitor

    private static let help = """
        info              the mode, the place, what the library can do here
        where             the place
        seek ICOUNT       goes to a place of a replay, forward or back
        seek event NUMBER goes to the place of an event
        events [COUNT]    the next events of the recording
        snapshots         the snapshots in memory and in the file

        """

    func monitor(_ command: String) -> String {
        let words = command.split(separator: " ", omittingEmptySubsequences: true)
        switch (words.first, words.count) {
        case (nil, _), ("help", _): return Self.help
        case ("where", 1): return session.placeDescription + "\n"
        case ("info", 1):
            let back = canReverse ? "can go back" : "can't go back"
            let change = mayWrite ? "can be changed" : "can't be changed"
            return "\(session.placeDescription)\nthe machine \(back); its registers and memory \(change)\n"
        case ("events", 1), ("events", 2):
            guard let count = words.count == 1 ? 10 : Int(words[1]), (1...1000).contains(count) else {
                return "events needs a count from 1 to 1000\n"
            }
            return lines(session.whilePaused { session.upcomingEvents(count) }, "no more events")
        case ("snapshots", 1):
            return lines(session.whilePaused { session.snapshotDescription }, "no snapshots")
        default: return "unknown command \"\(command)\": see \"monitor help\"\n"
        }
    }

    private func lines(_ text: String?, _ otherwise: String) -> String {
        guard let text else { return "the machine isn't paused\n" }
        return (text.isEmpty ? otherwise : text) + "\n"
    }
}
