/// A condition of a breakpoint as gdb sends it: code for a small stack machine.
///
/// The code comes from outside. It can't run for ever, read outside of itself, or use more memory than the limits here;
/// code that breaks a rule has no value.
struct AgentExpression: Equatable, Sendable {
    static let mostSteps = 10_000
    static let mostReads = 1_000
    /// Of all expressions at a hit.
    static let mostStepsOfHit = 20_000
    static let deepestStack = 256

    let code: [UInt8]

    /// nil: the code is wrong, or what it reads doesn't exist.
    func value(_ guest: any GuestState, cpu: Int) -> UInt64? {
        var steps = Self.mostSteps
        return value(guest, cpu: cpu, steps: &steps)
    }

    /// - Parameter steps: how many may be done; then, how many are left.
    private func value(_ guest: any GuestState, cpu: Int, steps: inout Int) -> UInt64? {
        var run = Run(code: code, guest: guest, cpu: cpu)
        return run.finish(&steps)
    }

    /// The condition of one breakpoint: true if one expression is true, or has no value, since a stop too many is
    /// better than one too few. nil: there are no expressions, and each hit counts.
    ///
    /// - Parameter exceeds: called if the expressions are too many to be evaluated; then the hit counts.
    static func condition(_ expressions: [AgentExpression], exceeds: @escaping @Sendable () -> Void = {})
        -> BreakCondition?
    {
        if expressions.isEmpty { return nil }
        return { guest, cpu in
            var left = mostStepsOfHit
            return expressions.contains { expression in
                var steps = min(mostSteps, left)
                let before = steps
                defer { left &-= before &- steps }
                let value = expression.value(guest, cpu: cpu, steps: &steps)
                if value == nil, steps == 0 { exceeds() }
                return value != 0
            }
        }
    }

    /// The conditions in a packet Z0 or Z1: `X`, the length, a comma, the code in hexadecimal digits; with semicolons
    /// before or between them. nil: malformed.
    static func list(_ text: inout PacketText) -> [AgentExpression]? {
        var expressions: [AgentExpression] = []
        while !text.isAtEnd {
            if text.take(";") { continue }
            guard text.take("X"), let length = text.count(), text.take(","), length <= Packet.limit,
                let digits = text.take(count: length &* 2), let code = Hex.bytes(digits)
            else { return nil }
            expressions.append(AgentExpression(code: code))
        }
        return expressions
    }
}

extension AgentExpression {
    /// One evaluation.
    private struct Run {
        let code: [UInt8]
        let guest: any GuestState
        let cpu: Int
        var at = 0
        var stack: [UInt64] = []
        var reads = 0

        mutating func finish(_ steps: inout Int) -> UInt64? {
            while steps > 0 {
                steps &-= 1
                guard at < code.count, let operation = AgentOperation(rawValue: code[at]) else { return nil }
                at &+= 1
                guard let operand = operand(operation.operandBytes) else { return nil }
                if operation == .end { return stack.last }
                guard step(operation, operand) != nil, stack.count <= AgentExpression.deepestStack else {
                    return nil
                }
            }
            return nil
        }

        private mutating func operand(_ count: Int) -> UInt64? {
            guard code.count &- at >= count else { return nil }
            defer { at &+= count }
            return code[at..<(at &+ count)].reduce(0) { $0 << 8 | UInt64($1) }
        }

        private mutating func step(_ operation: AgentOperation, _ operand: UInt64) -> Void? {
            switch operation {
            case .const8, .const16, .const32, .const64: push(operand)
            case .reg: return register(operand).map { push($0) }
            case .ref8: return reference(1)
            case .ref16: return reference(2)
            case .ref32: return reference(4)
            case .ref64: return reference(8)
            case .ext: return top { Self.extend($0, operand, isSigned: true) }
            case .zeroExt: return top { Self.extend($0, operand, isSigned: false) }
            case .logNot: return top { $0 == 0 ? 1 : 0 }
            case .bitNot: return top { ~$0 }
            case .goto: return jump(operand)
            case .ifGoto:
                guard let condition = stack.popLast() else { return nil }
                return condition == 0 ? () : jump(operand)
            case .dup, .pop, .swap, .pick, .rot: return arrange(operation, operand)
            // Nothing is traced, but the stack is as if it were.
            case .traceQuick, .trace16: return stack.isEmpty ? nil : ()
            case .trace, .tracenz: return drop(2)
            default:
                guard let b = stack.popLast(), let a = stack.popLast(), let result = operation.apply(a, b)
                else { return nil }
                push(result)
            }
            return ()
        }

        private mutating func arrange(_ operation: AgentOperation, _ operand: UInt64) -> Void? {
            let depth = stack.count
            switch operation {
            case .dup: return copy(0)
            case .pick: return copy(operand)
            case .pop: return drop(1)
            case .swap where depth >= 2: stack.swapAt(depth &- 1, depth &- 2)
            // a b c becomes c a b.
            case .rot where depth >= 3: stack.insert(stack.removeLast(), at: depth &- 3)
            default: return nil
            }
            return ()
        }

        private mutating func push(_ value: UInt64) { stack.append(value) }

        /// Pushes the value that is `depth` below the top.
        private mutating func copy(_ depth: UInt64) -> Void? {
            guard depth < stack.count else { return nil }
            push(stack[stack.count &- 1 &- Int(depth)])
            return ()
        }

        private mutating func drop(_ count: Int) -> Void? {
            guard stack.count >= count else { return nil }
            stack.removeLast(count)
            return ()
        }

        private mutating func top(_ change: (UInt64) -> UInt64?) -> Void? {
            guard let value = stack.popLast(), let result = change(value) else { return nil }
            push(result)
            return ()
        }

        private mutating func jump(_ place: UInt64) -> Void? {
            guard place < code.count else { return nil }
            at = Int(place)
            return ()
        }

        private mutating func reference(_ size: Int) -> Void? {
            reads &+= 1
            guard reads <= AgentExpression.mostReads, let address = stack.popLast(),
                let bytes = guest.readMemory(cpu: cpu, address: address, count: size)
            else { return nil }
            return number(bytes).map { push($0) }
        }

        private mutating func register(_ number: UInt64) -> UInt64? {
            reads &+= 1
            guard reads <= AgentExpression.mostReads else { return nil }
            return guest.readRegister(cpu: cpu, Int(number)).flatMap { self.number($0) }
        }

        private func number(_ bytes: [UInt8]) -> UInt64? {
            guard (1...8).contains(bytes.count) else { return nil }
            let ordered = guest.isBigEndian ? bytes : bytes.reversed()
            return ordered.reduce(0) { $0 << 8 | UInt64($1) }
        }

        private static func extend(_ value: UInt64, _ bits: UInt64, isSigned: Bool) -> UInt64? {
            guard (1...64).contains(bits) else { return nil }
            let unused = 64 &- bits
            let high = value << unused
            return isSigned ? UInt64(bitPattern: Int64(bitPattern: high) >> unused) : high >> unused
        }
    }
}
