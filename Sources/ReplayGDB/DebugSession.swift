/// The conversation with one debugger: bytes come in, bytes go out. It does no system calls and never waits.
///
/// The machine is stopped when the debugger sends its first byte, and goes on when the debugger has gone. In between
/// it moves only as the debugger wants.
final class DebugSession {
    enum Phase: Equatable {
        /// Nothing has come.
        case new
        /// The machine has to be paused for what comes next.
        case attaching
        case stopped
        case moving(Motion)
        /// A seek of `monitor`. The debugger waits for its answer, or has given up: it has sent a packet since.
        case seeking(isAwaited: Bool)
        /// The debugger has gone, and the machine has to be paused to remove its breaks.
        case leaving
        case gone
    }

    enum Motion: Equatable {
        case forward, backward
        /// Executes the instruction that accesses what is watched, because the debugger expects to stop after it.
        case pastWatch(Stop)
    }

    let machine: any Debuggee
    let description: TargetDescription
    /// Read once: it may be long, and comes in many parts.
    let targetXML: [UInt8]
    var features = DebuggerFeatures()
    var phase = Phase.new
    /// What is set, in the order in which it was set.
    var breaks: [BreakSite] = []
    /// The CPU of register and memory packets; and of `s`, nil: the one that stopped last.
    var shownCPU = 0
    var steppedCPU: Int?
    /// The first CPU that `qsThreadInfo` lists next.
    var nextListed = 0
    /// It asks for `qHostInfo`, which gdb doesn't.
    var isLLDB = false
    /// What the debugger expects at a watchpoint.
    var watchesStopBeforeAccess: Bool
    /// The machine went back to an access to what is watched, and stands before it.
    var nextAccess: Stop?
    /// A condition was too long for a hit, which the user reads once.
    let excess = ConditionExcess()
    /// Ctrl-C came, and the debugger hasn't been sent the stop that it causes.
    var isInterrupted = false

    private var reader = PacketReader()
    /// What came while the session could not use it.
    private var waiting: [UInt8] = []
    /// A packet that is answered when the machine is paused.
    private var deferred: [UInt8]?
    private var acknowledges = true
    private var lastPacket: [UInt8] = []
    /// What the debugger gets next.
    private(set) var output: [UInt8] = []
    /// The connection ends when the output is sent.
    private(set) var endsConnection = false

    /// Input is used only while there is less output than this; so a debugger that sends and never receives doesn't
    /// fill the memory.
    private static let muchOutput = 1 << 16

    init(_ machine: any Debuggee) {
        self.machine = machine
        let text = machine.targetXML
        targetXML = Array(text.utf8)
        description = TargetDescription(text)
        watchesStopBeforeAccess = description.watchesStopBeforeAccess
    }

    // MARK: Input

    /// Whether bytes may come. Otherwise they stay in the socket.
    var wantsInput: Bool { waiting.isEmpty && mayWork && phase != .gone }

    private var mayWork: Bool { deferred == nil && output.count < Self.muchOutput && !endsConnection }

    func receive(_ bytes: some Sequence<UInt8>) {
        waiting.append(contentsOf: bytes)
        if phase == .new {
            phase = .attaching
            machine.attach()
            machine.pause()
            // It may have stood still before.
            machineStopped()
        }
        work()
    }

    /// Uses what has come, as far as possible.
    private func work() {
        var used = 0
        while used < waiting.count, mayWork {
            let byte = waiting[used]
            used &+= 1
            if let input = reader.next(byte) { handle(input) }
        }
        waiting.removeFirst(used)
    }

    private func handle(_ input: PacketReader.Input) {
        switch input {
        case .packet(let content):
            acknowledge("+")
            giveUpSeek()
            if isWaiting, Commands.needsStop(content) {
                deferred = content
            } else {
                answer(Commands.answer(content, self))
            }
        case .damaged:
            // Without acknowledgements the debugger can't be asked for it again.
            if acknowledges { acknowledge("-") } else { answer(.malformed) }
        case .tooLong:
            acknowledge("+")
            answer(.failure(.tooLong))
        case .interrupt: interrupt()
        case .acknowledged: break
        case .notUnderstood: if acknowledges { output += lastPacket }
        }
    }

    private var isWaiting: Bool {
        switch phase {
        case .attaching, .seeking: true
        case .new, .stopped, .moving, .leaving, .gone: false
        }
    }

    // MARK: Output

    private func acknowledge(_ mark: String) {
        if acknowledges { output.append(contentsOf: mark.utf8) }
    }

    func answer(_ answer: Answer) {
        guard let content = answer.content else { return }
        send(content)
    }

    func send(_ content: some Collection<UInt8>) {
        lastPacket = Packet.framed(content)
        output += lastPacket
    }

    func sent(_ count: Int) {
        output.removeFirst(min(max(0, count), output.count))
        work()
    }

    /// The answer to this packet is still acknowledged.
    func stopAcknowledging() -> Answer {
        acknowledges = false
        return .ok
    }

    // MARK: The machine

    /// The machine may be paused now.
    func machineStopped() {
        guard let stop = machine.stop else { return }
        switch phase {
        case .new, .stopped, .gone: return
        case .attaching:
            goOn(stop)
        case .moving(let motion): arrived(stop, motion)
        case .seeking(let isAwaited):
            if isAwaited { answerSeek(stop) }
            goOn(stop)
        case .leaving: letGo()
        }
    }

    private func goOn(_ stop: Stop) {
        phase = .stopped
        select(stop)
        if let content = deferred {
            deferred = nil
            answer(Commands.answer(content, self))
        }
        work()
    }

    func select(_ stop: Stop) {
        nextAccess = nil
        shownCPU = (0..<machine.cpuCount).contains(stop.cpu) ? stop.cpu : 0
        steppedCPU = nil
    }

    // MARK: The end

    /// The connection is lost, or the debugger has said goodbye.
    func leave() {
        endsConnection = true
        deferred = nil
        switch phase {
        case .new: phase = .gone
        case .leaving, .gone: break
        case .attaching, .stopped, .moving, .seeking:
            phase = .leaving
            if machine.stop != nil { letGo() } else { machine.pause() }
        }
    }

    /// The stub ends. Breaks are removed by the machine if they can't be now.
    func abandon() {
        if case .moving = phase { send(StopReply.ended.utf8) }
        leave()
        guard phase == .leaving else { return }
        phase = .gone
        machine.detach()
    }

    private func letGo() {
        for site in breaks { _ = machine.removeBreak(site) }
        breaks.removeAll()
        phase = .gone
        machine.detach()
    }
}
