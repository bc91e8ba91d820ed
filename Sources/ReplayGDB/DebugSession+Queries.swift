/// What a debugger asks about stub and machine.
extension DebugSession {
    /// `qSupported`: the features of both sides.
    func supported(_ text: inout PacketText) -> Answer {
        features = DebuggerFeatures()
        while !text.isAtEnd {
            let feature = text.upTo(":;")
            if feature.elementsEqual("swbreak+".utf8) { features.softwareReason = true }
            if feature.elementsEqual("hwbreak+".utf8) { features.hardwareReason = true }
            _ = text.byte()
        }
        var answer = ["PacketSize=\(Hex.text(UInt64(Packet.limit)))", "QStartNoAckMode+", "vContSupported+"]
        answer += ["ConditionalBreakpoints+", "swbreak+", "hwbreak+"]
        if !machine.targetXML.isEmpty { answer.append("qXfer:features:read+") }
        if machine.canReverse { answer += ["ReverseStep+", "ReverseContinue+"] }
        return .text(answer.joined(separator: ";"))
    }

    /// `qXfer:features:read:target.xml:OFFSET,LENGTH`: a part of the target description.
    func transfer(_ text: inout PacketText) -> Answer {
        guard text.take(":features:read:") else { return .unsupported }
        guard text.take("target.xml:"), let (offset, length) = text.numbers(), text.isAtEnd else {
            return .malformed
        }
        let document = targetXML
        guard let offset = Int(exactly: offset), offset <= document.count, !document.isEmpty else {
            return .malformed
        }
        let most = min(length, UInt64(Packet.limit &- 1))
        var part: [UInt8] = []
        var next = offset
        while next < document.count {
            let escaped = Packet.escaped([document[next]])
            guard part.count &+ escaped.count <= most else { break }
            part += escaped
            next &+= 1
        }
        return .bytes([UInt8(ascii: next < document.count ? "m" : "l")] + part)
    }

    /// `qHostInfo`.
    func hostInformation() -> Answer {
        isLLDB = true
        watchesStopBeforeAccess = false
        return .text("endian:\(machine.isBigEndian ? "big" : "little");watchpoint_exceptions_received:after;")
    }

    // MARK: Threads

    /// `Hc` and `Hg`. "All" and "any" mean the CPU that stopped last.
    func selectThread(_ text: inout PacketText) -> Answer {
        guard let operation = text.byte(), let thread = ThreadID(&text, cpuCount: machine.cpuCount),
            text.isAtEnd
        else { return .malformed }
        let cpu: Int? = if case .cpu(let cpu) = thread { cpu } else { nil }
        switch operation {
        case UInt8(ascii: "c"): steppedCPU = cpu
        case UInt8(ascii: "g"): shownCPU = cpu ?? shownCPU
        default: return .malformed
        }
        return .ok
    }

    func isThreadAlive(_ text: inout PacketText) -> Answer {
        guard case .cpu = ThreadID(&text, cpuCount: machine.cpuCount), text.isAtEnd else { return .malformed }
        return .ok
    }

    func listThreads(isFirst: Bool) -> Answer {
        if isFirst { nextListed = 0 }
        var list = "m"
        while nextListed < machine.cpuCount {
            let id = ThreadID.text(cpu: nextListed)
            guard list.utf8.count &+ id.utf8.count < Packet.limit else { break }
            list += (list == "m" ? "" : ",") + id
            nextListed &+= 1
        }
        return .text(list == "m" ? "l" : list)
    }

    func describeThread(_ text: inout PacketText) -> Answer {
        guard text.take(","), case .cpu(let cpu) = ThreadID(&text, cpuCount: machine.cpuCount), text.isAtEnd
        else { return .malformed }
        return .text(Hex.text("vCPU \(cpu)".utf8))
    }

    // MARK: The end

    /// The machine goes on, and nothing of the host ends.
    func detach(_ answer: Answer) -> Answer {
        leave()
        return answer
    }
}
