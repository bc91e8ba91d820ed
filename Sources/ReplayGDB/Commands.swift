/// Finds the function for a packet.
enum Commands {
    typealias Function = @Sendable (DebugSession, inout PacketText) -> Answer

    private struct Command: Sendable {
        let name: String
        /// The machine has to be paused for it.
        let needsStop: Bool
        let function: Function

        init(_ name: String, needsStop: Bool = true, _ function: @escaping Function) {
            self.name = name
            self.needsStop = needsStop
            self.function = function
        }
    }

    static func answer(_ content: [UInt8], _ session: DebugSession) -> Answer {
        var text = PacketText(content)
        guard let command = find(&text) else { return .unsupported }
        if command.needsStop, session.phase != .stopped || session.machine.stop == nil {
            return .failure(.busy)
        }
        return command.function(session, &text)
    }

    static func needsStop(_ content: [UInt8]) -> Bool {
        var text = PacketText(content)
        return find(&text)?.needsStop ?? false
    }

    /// A name ends where its arguments begin, so that `qC` isn't the beginning of `qCRC`.
    private static func find(_ text: inout PacketText) -> Command? {
        guard let first = text.rest.first else { return nil }
        let hasName = "qQv".utf8.contains(first)
        let known = hasName ? named : letters
        for command in known {
            var copy = text
            guard copy.take(command.name) else { continue }
            guard !hasName || copy.isAtEnd || ":;,?".utf8.contains(copy.rest.first ?? 0) else { continue }
            text = copy
            return command
        }
        return nil
    }

    private static let letters: [Command] = [
        Command("?") { session, _ in session.reportStop() },
        Command("g") { session, text in session.readRegisters(&text) },
        Command("G") { session, text in session.writeRegisters(&text) },
        Command("p") { session, text in session.readRegister(&text) },
        Command("P") { session, text in session.writeRegister(&text) },
        Command("m") { session, text in session.readMemory(&text) },
        Command("M") { session, text in session.writeMemory(&text, isBinary: false) },
        Command("X") { session, text in session.writeMemory(&text, isBinary: true) },
        Command("c") { session, text in session.resume(&text, .forward) },
        Command("C") { session, text in session.resume(&text, .forward, hasSignal: true) },
        Command("s") { session, text in session.step(&text) },
        Command("S") { session, text in session.step(&text, hasSignal: true) },
        Command("bc") { session, text in session.reverse(&text, isStep: false) },
        Command("bs") { session, text in session.reverse(&text, isStep: true) },
        Command("Z") { session, text in session.setBreak(&text) },
        Command("z") { session, text in session.removeBreak(&text) },
        Command("H") { session, text in session.selectThread(&text) },
        Command("T") { session, text in session.isThreadAlive(&text) },
        Command("D", needsStop: false) { session, _ in session.detach(.ok) },
        // gdb expects no answer, and is gone; LLDB expects that the guest has been killed.
        Command("k", needsStop: false) { session, _ in session.detach(.text("X09")) },
    ]

    private static let named: [Command] = [
        Command("vCont?", needsStop: false) { _, _ in .text("vCont;c;C;s;S;t") },
        Command("vCont") { session, text in session.resumeEach(&text) },
        Command("vCtrlC", needsStop: false) { session, _ in
            session.interrupt()
            return .ok
        },
        // The host isn't ended: its machine goes on.
        Command("vKill", needsStop: false) { session, _ in session.detach(.ok) },
        Command("qSupported", needsStop: false) { session, text in session.supported(&text) },
        Command("qXfer", needsStop: false) { session, text in session.transfer(&text) },
        Command("qRcmd") { session, text in session.monitor(&text) },
        Command("qC") { session, _ in .text("QC" + ThreadID.text(cpu: session.shownCPU)) },
        Command("qfThreadInfo", needsStop: false) { session, _ in session.listThreads(isFirst: true) },
        Command("qsThreadInfo", needsStop: false) { session, _ in session.listThreads(isFirst: false) },
        Command("qThreadExtraInfo", needsStop: false) { session, text in session.describeThread(&text) },
        Command("qAttached", needsStop: false) { _, _ in .text("1") },
        // The stub wants to know no symbols.
        Command("qSymbol", needsStop: false) { _, _ in .ok },
        Command("qHostInfo", needsStop: false) { session, _ in session.hostInformation() },
        Command("QStartNoAckMode", needsStop: false) { session, _ in session.stopAcknowledging() },
    ]
}
