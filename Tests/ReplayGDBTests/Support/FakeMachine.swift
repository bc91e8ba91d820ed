import ReplaySystem

@testable import ReplayGDB

/// A deterministic machine with a history, which it gets by running again from the beginning.
final class FakeMachine: Debuggee, @unchecked Sendable {
    // Sendable: the monitor guards what two threads use; the machine's state belongs to whoever may touch it.

    private enum Motion {
        case forward
        case step(Int)
        case backStep, back
        case seek(UInt64)
    }

    let cpuCount: Int
    let targetXML: String
    let isBigEndian = false
    let canReverse: Bool
    let mayWrite: Bool
    /// The recording's length; nil: it runs for ever.
    private let end: UInt64?
    private let beginning: TinyMachine
    private(set) var machine: TinyMachine
    private(set) var breaks: [BreakSite: BreakCondition?] = [:]
    /// Where the machine stood still, and whether at a watchpoint.
    private var passed: (icount: UInt64, isWatch: Bool)?
    private var visits = (attaches: 0, detaches: 0)
    /// Why it doesn't go back.
    var refusal: String?
    /// Hits that conditions were asked about.
    private(set) var asked = 0

    private let monitorLock = Monitor()
    private var notify: (@Sendable () -> Void)?
    private var current: Stop?
    private var wantsPause = false
    private var motion: Motion?
    private var ends = false
    private var thread: LibraryThread?

    /// - Parameter isThreaded: it runs in a thread of its own; else in the calls that set it in motion.
    init(
        cpus: Int = 1, end: UInt64? = 690, canReverse: Bool = true, isThreaded: Bool = false,
        xml: String? = nil
    ) {
        cpuCount = cpus
        targetXML = xml ?? FakeMachine.description
        self.canReverse = canReverse
        mayWrite = !canReverse
        self.end = end
        beginning = Program.machine(cpus: cpus)
        machine = beginning
        current = isThreaded ? nil : Stop(cpu: 0, reason: .request)
        if isThreaded, case .success(let started) = LibraryThread.start({ [self] in live() }) {
            thread = started
        }
    }

    /// Ends its thread.
    func finish() {
        monitorLock.withLock {
            ends = true
            wantsPause = true
            monitorLock.wakeAll()
        }
        thread?.join()
        thread = nil
    }

    /// As if it ran and never paused.
    func forgetStop() { monitorLock.withLock { current = nil } }

    // MARK: Control

    var attaches: Int { monitorLock.withLock { visits.attaches } }
    var detaches: Int { monitorLock.withLock { visits.detaches } }

    func attach() { monitorLock.withLock { visits.attaches += 1 } }

    func detach() {
        monitorLock.withLock {
            visits.detaches += 1
            breaks.removeAll()
        }
        if stop != nil { resume() }
    }

    func pause() {
        monitorLock.withLock { if current == nil { wantsPause = true } }
    }

    func resume() { begin(.forward) }
    func step(cpu: Int) { begin(.step(cpu)) }

    func reverseStep() -> String? {
        if refusal == nil { begin(.backStep) }
        return refusal
    }

    func reverseContinue() -> String? {
        if refusal == nil { begin(.back) }
        return refusal
    }

    func seek(_ place: Place) -> String? {
        guard case .icount(let icount) = place else { return "this machine has no events" }
        guard canReverse, icount <= end ?? .max else { return "icount \(icount) is after the end" }
        begin(.seek(icount))
        return nil
    }

    var stop: Stop? { monitorLock.withLock { current } }
    func onStop(_ notify: (@Sendable () -> Void)?) { monitorLock.withLock { self.notify = notify } }
    func monitor(_ command: String) -> String {
        command == "where" ? "icount \(machine.icount)\n" : "there is no command \(command)\n"
    }

    private func begin(_ motion: Motion) {
        monitorLock.withLock {
            current = nil
            self.motion = motion
            monitorLock.wakeAll()
        }
        if thread == nil { perform(motion) }
    }

    private func live() {
        var next: Motion? = .forward
        while let motion = next {
            perform(motion)
            next = monitorLock.withLock {
                while self.motion == nil && !ends { monitorLock.wait() }
                return ends ? nil : self.motion
            }
        }
    }

    private func perform(_ motion: Motion) {
        monitorLock.withLock { self.motion = nil }
        let stop = run(motion)
        let isWatch = if case .watch = stop.reason { true } else { false }
        passed = (machine.icount, isWatch)
        monitorLock.withLock {
            current = stop
            wantsPause = false
        }
        monitorLock.withLock { notify }?()
    }

    // MARK: Motion

    private func run(_ motion: Motion) -> Stop {
        switch motion {
        case .forward: return forward { _ in false }
        case .step(let cpu): return forward { $0 == cpu }
        case .seek(let icount):
            replay(to: icount)
            return Stop(cpu: 0, reason: .place)
        case .backStep:
            guard machine.icount > 0 else { return Stop(cpu: 0, reason: .begin) }
            replay(to: machine.icount - 1)
            return Stop(cpu: machine.nextCPU, reason: .place)
        case .back:
            let here = machine.icount
            var last: (UInt64, Stop)?
            machine = beginning
            while machine.icount < here {
                if let stop = hit { last = (machine.icount, stop) }
                machine.execute()
            }
            replay(to: last?.0 ?? 0)
            return last?.1 ?? Stop(cpu: 0, reason: .begin)
        }
    }

    private func forward(until isDone: (Int) -> Bool) -> Stop {
        while true {
            if monitorLock.withLock({ wantsPause }) { return Stop(cpu: machine.nextCPU, reason: .request) }
            if machine.icount == end { return Stop(cpu: machine.nextCPU, reason: .end) }
            if let hit, !isPassed(hit) { return hit }
            passed = nil
            let cpu = machine.nextCPU
            machine.execute()
            if isDone(cpu) { return Stop(cpu: cpu, reason: .place) }
        }
    }

    private func isPassed(_ hit: Stop) -> Bool {
        guard let passed, passed.icount == machine.icount else { return false }
        if case .watch = hit.reason { return passed.isWatch }
        return true
    }

    private func replay(to icount: UInt64) {
        if icount < machine.icount { machine = beginning }
        while machine.icount < icount { machine.execute() }
    }

    /// The break at which the machine is.
    private var hit: Stop? {
        let cpu = machine.nextCPU
        for (site, condition) in monitorLock.withLock({ breaks }) {
            guard let reason = reason(site) else { continue }
            if let condition {
                asked += 1
                if !condition(self, cpu) { continue }
            }
            return Stop(cpu: cpu, reason: reason)
        }
        return nil
    }

    private func reason(_ site: BreakSite) -> Stop.Reason? {
        guard site.kind.isWatch else {
            return site.address == machine.cpus[machine.nextCPU].pc ? .breakpoint(site.kind) : nil
        }
        guard let access = machine.access, access.address < site.address &+ site.length,
            site.address < access.address &+ access.size
        else { return nil }
        let changes = access.isWrite && machine.load(access.address, access.size) != access.value
        switch site.kind {
        case .writeWatch where !changes: return nil
        case .readWatch where access.isWrite: return nil
        default: return .watch(site.kind, address: access.address)
        }
    }

    // MARK: State

    func readRegister(cpu: Int, _ number: Int) -> [UInt8]? {
        let value: UInt64
        switch number {
        case 0..<32: value = machine.cpus[cpu].x[number]
        case 32: value = machine.cpus[cpu].pc
        default: return nil
        }
        return (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    func writeRegister(cpu: Int, _ number: Int, _ bytes: [UInt8]) -> Bool {
        guard (1...32).contains(number), bytes.count == 8 else { return false }
        let value = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        if number == 32 { machine.cpus[cpu].pc = value } else { machine.cpus[cpu].x[number] = value }
        return true
    }

    func readMemory(cpu: Int, address: UInt64, count: Int) -> [UInt8]? {
        guard machine.load(address, UInt64(count)) != nil else { return nil }
        return Array(machine.memory[Int(address)..<(Int(address) + count)])
    }

    func writeMemory(cpu: Int, address: UInt64, _ bytes: [UInt8]) -> Bool {
        guard readMemory(cpu: cpu, address: address, count: bytes.count) != nil else { return false }
        machine.memory.replaceSubrange(Int(address)..<(Int(address) + bytes.count), with: bytes)
        return true
    }

    func setBreak(_ site: BreakSite, condition: BreakCondition?) -> Bool {
        monitorLock.withLock { breaks[site] = .some(condition) }
        return true
    }

    func removeBreak(_ site: BreakSite) -> Bool {
        monitorLock.withLock { breaks.removeValue(forKey: site) != nil }
    }

    static let description: String = {
        let names = [
            "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "fp", "s1", "a0", "a1", "a2", "a3", "a4", "a5",
            "a6",
            "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6", "pc",
        ]
        let registers = names.map {
            "<reg name=\"\($0)\" bitsize=\"64\" type=\"\($0 == "pc" ? "code_ptr" : "int")\"/>"
        }
        return """
            <?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd">
            <target version="1.0"><architecture>riscv:rv64</architecture><osabi>none</osabi>
            <!-- <reg name="none" bitsize="8"/> -->
            <feature name="org.gnu.gdb.riscv.cpu">
            \(registers.joined(separator: "\n"))
            </feature></target>
            """
    }()
}
