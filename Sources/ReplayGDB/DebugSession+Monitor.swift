/// The user's `monitor` commands. The stub itself knows `seek`, which takes time; the machine answers all others.
extension DebugSession {
    /// A command's text is cut off after so many bytes.
    private static var longestText: Int { 1 << 20 }

    /// `qRcmd`: the command in hexadecimal digits.
    func monitor(_ text: inout PacketText) -> Answer {
        guard text.take(","), let bytes = Hex.bytes(text.all()) else { return .malformed }
        let command = String(decoding: bytes, as: UTF8.self)
        let words = command.split(separator: " ", omittingEmptySubsequences: true)
        guard words.first == "seek" else { return printed(machine.monitor(command)) }
        guard let place = Self.place(words.dropFirst()) else {
            return printed("seek needs an icount, or event and its number\n")
        }
        guard let refusal = machine.seek(place) else {
            phase = .seeking(isAwaited: true)
            return .later
        }
        return printed(refusal + "\n")
    }

    /// The answer to `monitor seek`. The debugger doesn't know that the machine has moved.
    func answerSeek(_ stop: Stop) {
        var text = machine.monitor("where")
        switch stop.reason {
        case .request: text += "the seek was cancelled\n"
        case .begin: text += "this is the first place that can be reached\n"
        case .end: text += "this is the end of the recording\n"
        case .place, .breakpoint, .watch, .exited: break
        }
        text +=
            isLLDB
            ? "LLDB notices it when the machine stops again\n"
            : "enter \"maint flush register-cache\" to make gdb read the registers again\n"
        answer(printed(text))
    }

    /// A packet that comes during a seek shows that the debugger waits no longer for the seek's answer: after Ctrl-C,
    /// gdb gives up within seconds, and would take that answer for one to its next packet.
    func giveUpSeek() {
        guard phase == .seeking(isAwaited: true) else { return }
        phase = .seeking(isAwaited: false)
        machine.pause()
    }

    /// `ICOUNT` or `event NUMBER`, in decimal, or hexadecimal after 0x.
    private static func place(_ words: ArraySlice<Substring>) -> Place? {
        guard let last = words.last, let number = number(last) else { return nil }
        switch words.count {
        case 1: return .icount(number)
        case 2 where words.first == "event": return .event(number)
        default: return nil
        }
    }

    private static func number(_ text: Substring) -> UInt64? {
        text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
    }

    /// Text for the user as the answer. Its last part is the answer itself: gdb gives up between two packets after
    /// Ctrl-C, and would take the second one for the answer to its next packet. LLDB prints only packets `O` as text.
    private func printed(_ text: String) -> Answer {
        let bytes = text.utf8.prefix(Self.longestText)
        let last = isLLDB ? 0 : min(bytes.count, Packet.limit / 2)
        printBytes(bytes.dropLast(last))
        return last == 0 ? .ok : .text(Hex.text(bytes.suffix(last)))
    }

    /// Text that a debugger prints while it waits for an answer.
    func printText(_ text: String) {
        printBytes(text.utf8.prefix(Self.longestText))
    }

    /// Packets `O`.
    private func printBytes(_ bytes: some Sequence<UInt8>) {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let part = rest.prefix(1024)
            rest = rest.dropFirst(part.count)
            send([UInt8(ascii: "O")] + part.flatMap(Hex.digits))
        }
    }
}
