/// `c`, `s`, `vCont`, `bc`, `bs`, Ctrl-C, and the stop replies that answer them.
extension DebugSession {
    func reportStop() -> Answer {
        guard let stop = machine.stop else { return .failure(.busy) }
        return .text(StopReply.text(stop, isAnswerToMotion: false, features))
    }

    // MARK: Forward

    /// - Parameter hasSignal: a signal comes first. The guest doesn't get it: it isn't a process.
    func resume(_ text: inout PacketText, _ motion: Motion, hasSignal: Bool = false) -> Answer {
        guard isPlain(&text, hasSignal) else { return .malformed }
        return move(.forward) { $0.resume() }
    }

    func step(_ text: inout PacketText, hasSignal: Bool = false) -> Answer {
        guard isPlain(&text, hasSignal) else { return .malformed }
        return step(cpu: steppedCPU ?? shownCPU)
    }

    /// An address to go on from would be a change of the program counter, which has its own packet.
    private func isPlain(_ text: inout PacketText, _ hasSignal: Bool) -> Bool {
        (!hasSignal || text.number() != nil) && text.isAtEnd
    }

    private func step(cpu: Int) -> Answer {
        guard (0..<machine.cpuCount).contains(cpu) else { return .malformed }
        return move(.forward) { $0.step(cpu: cpu) }
    }

    /// `vCont`: an action for each thread. All CPUs share one order of instructions, so one action counts: a step of
    /// one CPU, or going on of all.
    func resumeEach(_ text: inout PacketText) -> Answer {
        var stepped: ThreadID?
        var goesOn = false
        var stays = false
        while text.take(";") {
            guard let action = text.byte() else { return .malformed }
            let hasSignal = action == UInt8(ascii: "C") || action == UInt8(ascii: "S")
            if hasSignal, text.number() == nil { return .malformed }
            var thread = ThreadID.all
            if text.take(":") {
                guard let named = ThreadID(&text, cpuCount: machine.cpuCount) else { return .malformed }
                thread = named
            }
            switch action {
            case UInt8(ascii: "s"), UInt8(ascii: "S"): stepped = stepped ?? thread
            case UInt8(ascii: "c"), UInt8(ascii: "C"): goesOn = true
            case UInt8(ascii: "t"): stays = true
            default: return .malformed
            }
        }
        guard text.isAtEnd else { return .malformed }
        if let stepped {
            if case .cpu(let cpu) = stepped { return step(cpu: cpu) }
            return step(cpu: shownCPU)
        }
        if goesOn { return move(.forward) { $0.resume() } }
        return stays ? reportStop() : .malformed
    }

    // MARK: Back

    func reverse(_ text: inout PacketText, isStep: Bool) -> Answer {
        guard text.isAtEnd, machine.canReverse else { return .unsupported }
        var refusal: String?
        let answer = move(.backward) { refusal = isStep ? $0.reverseStep() : $0.reverseContinue() }
        guard let refusal, let stop = machine.stop else { return answer }
        // The way back ends here. The user reads why.
        (phase, isInterrupted) = (.stopped, false)
        printText(refusal + "\n")
        let ended = Stop(cpu: stop.cpu, reason: .begin)
        return .text(StopReply.text(ended, isAnswerToMotion: true, features))
    }

    // MARK: Both

    private func move(_ motion: Motion, _ begin: (any Debuggee) -> Void) -> Answer {
        if isInterrupted, let stop = machine.stop {
            isInterrupted = false
            let ended = Stop(cpu: stop.cpu, reason: .request)
            return .text(StopReply.text(ended, isAnswerToMotion: true, features))
        }
        if motion == .forward, let access = nextAccess, isWatched(access) {
            pass(access)
        } else {
            phase = .moving(motion)
            begin(machine)
        }
        return .later
    }

    private func pass(_ access: Stop) {
        phase = .moving(.pastWatch(access))
        machine.step(cpu: access.cpu)
    }

    /// It may have been removed since.
    private func isWatched(_ access: Stop) -> Bool {
        guard case .watch(let kind, let address) = access.reason else { return false }
        return breaks.contains { $0.kind == kind && address &- $0.address < $0.length }
    }

    /// Ctrl-C. It may cross a stop reply. If that stop is one of those that gdb doesn't show, because it evaluates a
    /// condition itself or counts hits, the next motion must end at once: otherwise users can't interrupt gdb while
    /// there are many such stops. LLDB expects only one stop.
    func interrupt() {
        let isFirst = !isInterrupted
        switch phase {
        case .moving(let motion):
            isInterrupted = true
            // It pauses after one instruction anyway.
            if isFirst, case .pastWatch = motion { break }
            machine.pause()
        case .seeking: machine.pause()
        case .stopped: isInterrupted = !isLLDB
        case .new, .attaching, .leaving, .gone: break
        }
    }

    /// Users see these stops, or expect no more of them.
    private func endsInterrupt(_ stop: Stop) -> Bool {
        switch stop.reason {
        case .request, .begin, .end, .exited: true
        case .place, .breakpoint, .watch: isLLDB
        }
    }

    /// The machine is paused after a motion. It stops before an access to what is watched, in both directions. A
    /// debugger that makes a step itself to complete the access expects to find it before in its direction of motion;
    /// others expect to find it completed.
    func arrived(_ stop: Stop, _ motion: Motion) {
        var reported = stop
        switch (motion, stop.reason) {
        case (.forward, .watch) where !watchesStopBeforeAccess,
            (.backward, .watch) where watchesStopBeforeAccess:
            pass(stop)
            return
        case (.pastWatch(let access), .place), (.pastWatch(let access), .breakpoint),
            (.pastWatch(let access), .watch):
            reported = access
        default: break
        }
        if endsInterrupt(reported) { isInterrupted = false }
        phase = .stopped
        select(reported)
        if case .watch = stop.reason, motion == .backward { nextAccess = stop }
        if excess.take() { printText(ConditionExcess.text) }
        send(StopReply.text(reported, isAnswerToMotion: true, features).utf8)
    }
}
