/// Registers, memory, breaks.
extension DebugSession {
    // MARK: Registers

    /// All registers that fit into a packet; gdb asks for the others by number.
    func readRegisters(_ text: inout PacketText) -> Answer {
        guard text.isAtEnd else { return .malformed }
        let registers = listedRegisters
        guard !registers.isEmpty else { return .failure(.badAddress) }
        let values = machine.readRegisters(cpu: shownCPU, registers.map { $0.number })
        return .text(zip(registers, values).map { shown($1, size: $0.size) }.joined())
    }

    func writeRegisters(_ text: inout PacketText) -> Answer {
        let registers = listedRegisters
        guard let bytes = Hex.bytes(text.all()), bytes.count == registers.reduce(0, { $0 &+ $1.size }) else {
            return .malformed
        }
        guard machine.mayWrite else { return notWritable }
        var rest = bytes[...]
        for register in registers {
            let value = Array(rest.prefix(register.size))
            rest = rest.dropFirst(register.size)
            // One that doesn't change may be one that can't.
            guard value != machine.readRegister(cpu: shownCPU, register.number) else { continue }
            guard machine.writeRegister(cpu: shownCPU, register.number, value) else {
                return .failure(.badAddress)
            }
        }
        return .ok
    }

    func readRegister(_ text: inout PacketText) -> Answer {
        guard let number = text.count(), text.isAtEnd else { return .malformed }
        let value = machine.readRegister(cpu: shownCPU, number)
        guard let size = value?.count ?? description.size(of: number), size > 0 else {
            return .failure(.badAddress)
        }
        return .text(shown(value, size: size))
    }

    func writeRegister(_ text: inout PacketText) -> Answer {
        guard let number = text.count(), text.take("="), let value = Hex.bytes(text.all()), !value.isEmpty
        else { return .malformed }
        guard machine.mayWrite else { return notWritable }
        return machine.writeRegister(cpu: shownCPU, number, value) ? .ok : .failure(.badAddress)
    }

    /// gdb shows this text, but only for registers. LLDB expects a number.
    private var notWritable: Answer {
        isLLDB ? .failure(.notPermitted) : .text("E.a recording's registers and memory can't be changed")
    }

    /// Those of the description that fit into a packet; without a description, those that exist from 0 on.
    private var listedRegisters: [TargetDescription.Register] {
        var size = 0
        if !description.registers.isEmpty {
            return Array(
                description.registers.prefix {
                    size &+= $0.size
                    return size <= Packet.limit / 2
                })
        }
        var found: [TargetDescription.Register] = []
        while found.count < 256, let value = machine.readRegister(cpu: shownCPU, found.count) {
            size &+= value.count
            if value.isEmpty || size > Packet.limit / 2 { break }
            found.append(.init(number: found.count, size: value.count))
        }
        return found
    }

    /// The protocol's `x` for each digit that isn't known.
    private func shown(_ value: [UInt8]?, size: Int) -> String {
        if let value, value.count == size { return Hex.text(value) }
        return String(repeating: "x", count: size &* 2)
    }

    // MARK: Memory

    /// Fewer bytes than wanted if the packet would be too long, or if the rest of them is in a page that can't be read.
    func readMemory(_ text: inout PacketText) -> Answer {
        guard let (address, length) = text.numbers(), text.isAtEnd else { return .malformed }
        guard length > 0 else { return .text("") }
        let most = UInt64(Packet.limit / 2)
        // Not beyond the last address.
        let count = min(length &- 1, most &- 1, UInt64.max &- address) &+ 1
        if let bytes = read(address, count) { return .text(Hex.text(bytes)) }
        let page: UInt64 = 4096
        let inPage = page &- address % page
        if inPage < count, let bytes = read(address, inPage) { return .text(Hex.text(bytes)) }
        return .failure(.badAddress)
    }

    private func read(_ address: UInt64, _ count: UInt64) -> [UInt8]? {
        guard let bytes = machine.readMemory(cpu: shownCPU, address: address, count: Int(count)),
            bytes.count == count
        else { return nil }
        return bytes
    }

    /// `M` and `X`. gdb writes no bytes to find out whether the stub knows `X`.
    func writeMemory(_ text: inout PacketText, isBinary: Bool) -> Answer {
        guard let (address, length) = text.numbers(), text.take(":"),
            let bytes = isBinary ? Packet.unescaped(text.all()) : Hex.bytes(text.all()), bytes.count == length
        else { return .malformed }
        guard !bytes.isEmpty else { return .ok }
        guard machine.mayWrite else { return .failure(.notPermitted) }
        guard !address.addingReportingOverflow(length &- 1).overflow,
            machine.writeMemory(cpu: shownCPU, address: address, bytes)
        else { return .failure(.badAddress) }
        return .ok
    }

    // MARK: Breaks

    /// No debugger needs more.
    private static var mostBreaks: Int { 1024 }

    func setBreak(_ text: inout PacketText) -> Answer {
        guard let parsed = site(&text) else { return .malformed }
        guard let site = parsed else { return .unsupported }
        guard let conditions = AgentExpression.list(&text) else { return .malformed }
        let isNew = !breaks.contains(site)
        guard !isNew || breaks.count < Self.mostBreaks else { return .failure(.noSpace) }
        guard
            machine.setBreak(
                site, condition: AgentExpression.condition(conditions, exceeds: { [excess] in excess.note() })
            )
        else {
            return .failure(.noSpace)
        }
        if isNew { breaks.append(site) }
        return .ok
    }

    /// Removing what isn't set succeeds, as the protocol wants.
    func removeBreak(_ text: inout PacketText) -> Answer {
        guard let parsed = site(&text), text.isAtEnd else { return .malformed }
        guard let site = parsed else { return .unsupported }
        guard let index = breaks.firstIndex(of: site) else { return .ok }
        guard machine.removeBreak(site) else { return .failure(.badAddress) }
        breaks.remove(at: index)
        return .ok
    }

    /// nil: malformed. nil inside: a kind that the stub doesn't know.
    private func site(_ text: inout PacketText) -> BreakSite?? {
        guard let number = text.count(), text.take(","), let (address, length) = text.numbers() else {
            return nil
        }
        guard let kind = BreakKind(rawValue: number) else { return .some(nil) }
        if kind.isWatch, length == 0 || address.addingReportingOverflow(length &- 1).overflow { return nil }
        return BreakSite(kind: kind, address: address, length: length)
    }
}
