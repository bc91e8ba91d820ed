import Testing

@testable import ReplayGDB

@Suite struct AgentExpressionTests {
    private let machine = FakeMachine()

    private func value(_ code: [UInt8]) -> UInt64? {
        AgentExpression(code: code).value(machine, cpu: 0)
    }

    /// A constant of 64 bits.
    private func push(_ number: Int64) -> [UInt8] {
        [0x25] + (0..<8).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    private func value(_ a: Int64, _ b: Int64, _ operation: UInt8) -> Int64? {
        value(push(a) + push(b) + [operation, 0x27]).map { Int64(bitPattern: $0) }
    }

    @Test func arithmetic() {
        let cases: [(Int64, Int64, UInt8, Int64?)] = [
            (5, 7, 0x02, 12), (.max, 1, 0x02, .min), (5, 7, 0x03, -2), (-3, 7, 0x04, -21),
            (-7, 2, 0x05, -3), (.min, -1, 0x05, .min), (1, 0, 0x05, nil), (-1, 2, 0x06, .max),
            (1, 0, 0x06, nil), (-7, 2, 0x07, -1), (.min, -1, 0x07, 0), (1, 0, 0x07, nil), (-1, 10, 0x08, 5),
            (1, 0, 0x08, nil), (1, 4, 0x09, 16), (1, 64, 0x09, 0), (1, -1, 0x09, 0), (-16, 2, 0x0A, -4),
            (-16, 99, 0x0A, -1), (-1, 60, 0x0B, 15), (-1, 64, 0x0B, 0), (12, 10, 0x0F, 8), (12, 10, 0x10, 14),
            (12, 10, 0x11, 6), (3, 3, 0x13, 1), (3, 4, 0x13, 0), (-1, 0, 0x14, 1), (-1, 0, 0x15, 0),
        ]
        for (a, b, operation, expected) in cases {
            #expect(value(a, b, operation) == expected, "\(a) \(b) \(operation)")
        }
        #expect(value([0x22, 5, 0x0E, 0x27]) == 0)
        #expect(value([0x22, 0, 0x0E, 0x27]) == 1)
        #expect(value([0x22, 0, 0x12, 0x27]) == .max)
        #expect(value([0x22, 0x80, 0x16, 8, 0x27]) == UInt64(bitPattern: -128))
        #expect(value(push(-1) + [0x2A, 12, 0x27]) == 0xFFF)
        #expect(value(push(-1) + [0x16, 64, 0x27]) == .max)
        #expect(value([0x22, 1, 0x16, 65, 0x27]) == nil)
        #expect(value([0x22, 1, 0x2A, 0, 0x27]) == nil)
        #expect(value([0x23, 1, 2, 0x27]) == 0x102)
        #expect(value([0x24, 1, 2, 3, 4, 0x27]) == 0x0102_0304)
    }

    @Test func stackAndJumps() {
        #expect(value([0x22, 1, 0x22, 2, 0x2B, 0x27]) == 1)
        #expect(value([0x22, 1, 0x22, 2, 0x29, 0x27]) == 1)
        #expect(value([0x22, 3, 0x28, 0x04, 0x27]) == 9)
        #expect(value([0x22, 7, 0x22, 8, 0x22, 9, 0x32, 2, 0x27]) == 7)
        #expect(value([0x22, 7, 0x32, 1, 0x27]) == nil)
        // a b c becomes c a b: 1 - 2 is left on top.
        #expect(value([0x22, 1, 0x22, 2, 0x22, 9, 0x33, 0x03, 0x27]) == UInt64(bitPattern: -1))
        // if (1) goto 8; 5; end; 6; end
        #expect(value([0x22, 1, 0x20, 0, 8, 0x22, 5, 0x27, 0x22, 6, 0x27]) == 6)
        #expect(value([0x22, 0, 0x20, 0, 8, 0x22, 5, 0x27, 0x22, 6, 0x27]) == 5)
        #expect(value([0x22, 4, 0x22, 4, 0x0C, 0x22, 2, 0x0D, 1, 0x30, 0, 1, 0x27]) == 2)
    }

    @Test func theMachineIsRead() {
        #expect(machine.seek(.icount(4)) == nil)
        #expect(value([0x26, 0, 32, 0x27]) == Program.call)
        #expect(value([0x26, 0, 11, 0x1A, 0x27]) == 1)
        #expect(value([0x23, 0x10, 0x00, 0x18, 0x27]) == 0x0513)
        #expect(value([0x23, 0x10, 0x00, 0x19, 0x27]) == 0x513)
        #expect(value([0x23, 0x10, 0x04, 0x17, 0x27]) == 0xB7)
        #expect(value([0x26, 0, 33, 0x27]) == nil)
        #expect(value(push(-1) + [0x17, 0x27]) == nil)
    }

    @Test func codeThatIsWrongHasNoValue() {
        for code: [UInt8] in [
            [], [0x27], [0x22], [0x25, 1, 2, 3], [0x02, 0x27], [0x22, 1], [0x00], [0x01, 8, 0x27], [0xFF],
            [0x21, 0xFF, 0xFF], [0x20, 0, 0], [0x21, 0, 0], [0x2B, 0x27], [0x33, 0x27], [0x29, 0x27],
            [0x2C, 0, 1],
            [0x22, 1, 0x21, 0, 0], [0x34, 1, 2, 3], [0x0C], [0x0D, 1], [0x28],
        ] {
            #expect(value(code) == nil, "\(code)")
            let condition = AgentExpression.condition([AgentExpression(code: code)])
            #expect(condition?(machine, 0) == true)
        }
        // Reading again and again.
        #expect(value([0x26, 0, 1, 0x29, 0x21, 0, 0]) == nil)
    }

    @Test func manyLongExpressionsEndEarlyAndAreReported() {
        let excess = ConditionExcess()
        // A loop without an end, and one that is false after some steps.
        let loop = AgentExpression(code: [0x21, 0, 0])
        let brief = AgentExpression(code: push(0) + [0x27])
        let one = AgentExpression.condition([loop], exceeds: { excess.note() })
        #expect(one?(machine, 0) == true && excess.take() && !excess.take())
        // Each of them is short enough, but not all together.
        let many = AgentExpression.condition(
            Array(repeating: brief, count: AgentExpression.mostStepsOfHit / 2 + 1), exceeds: { excess.note() }
        )
        #expect(many?(machine, 0) == true && excess.take())
        let few = AgentExpression.condition(Array(repeating: brief, count: 100), exceeds: { excess.note() })
        #expect(few?(machine, 0) == false && !excess.take())
    }

    @Test func listsOfExpressions() {
        func list(_ text: String) -> [[UInt8]]? {
            var text = PacketText(text.utf8)
            return AgentExpression.list(&text)?.map { $0.code }
        }
        #expect(list("") == [])
        #expect(list(";X1,27X2,2229") == [[0x27], [0x22, 0x29]])
        #expect(list(";X1,27;X1,28") == [[0x27], [0x28]])
        for text in [
            ";X", ";X1", ";X1,", ";X1,2", ";X2,27", ";X1,272", ";X7fffffffffffffff,27", ";cmds:0", "X1,zz",
        ] {
            #expect(list(text) == nil, "\(text)")
        }
        #expect(AgentExpression.condition([]) == nil)
    }

    @Test func randomCodeEnds() {
        var random = Seeded(1)
        for _ in 0..<5000 {
            let length = Int.random(in: 0..<40, using: &random)
            let code = (0..<length).map { _ in UInt8.random(in: 0...0x35, using: &random) }
            _ = value(code + [0x27])
        }
    }
}
