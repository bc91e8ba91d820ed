/// Some instructions of RV64I, enough for short programs that gdb can step through.
struct TinyMachine {
    struct CPU {
        var x = [UInt64](repeating: 0, count: 32)
        var pc: UInt64 = 0
    }

    var cpus: [CPU]
    var memory: [UInt8]
    var icount: UInt64 = 0

    /// What an instruction does to memory.
    struct Access {
        var address: UInt64
        var size: UInt64
        var isWrite: Bool
        /// The new bytes.
        var value: UInt64
    }

    /// The CPUs take turns.
    var nextCPU: Int { Int(icount % UInt64(cpus.count)) }

    func load(_ address: UInt64, _ size: UInt64) -> UInt64? {
        guard address < UInt64(memory.count), UInt64(memory.count) - address >= size else { return nil }
        return (0..<size).reduce(0) { $0 | UInt64(memory[Int(address + $1)]) << (8 * $1) }
    }

    mutating func store(_ address: UInt64, _ size: UInt64, _ value: UInt64) {
        guard load(address, size) != nil else { return }
        for index in 0..<size {
            memory[Int(address + index)] = UInt8(truncatingIfNeeded: value >> (8 * index))
        }
    }

    var access: Access? {
        let cpu = cpus[nextCPU]
        let code = UInt32(truncatingIfNeeded: load(cpu.pc, 4) ?? 0)
        let size = UInt64(1) << UInt64(code >> 12 & 3)
        let base = cpu.x[Int(code >> 15 & 31)]
        switch code & 0x7F {
        case 0x03:
            return Access(
                address: base &+ Self.signed(code >> 20, 12), size: size, isWrite: false, value: 0)
        case 0x23:
            return Access(
                address: base &+ Self.signed((code >> 25) << 5 | code >> 7 & 31, 12), size: size,
                isWrite: true, value: cpu.x[Int(code >> 20 & 31)])
        default: return nil
        }
    }

    mutating func execute() {
        let index = nextCPU
        var cpu = cpus[index]
        let code = UInt32(truncatingIfNeeded: load(cpu.pc, 4) ?? 0)
        let (rd, a, b) = (Int(code >> 7 & 31), cpu.x[Int(code >> 15 & 31)], cpu.x[Int(code >> 20 & 31)])
        let immediate = Self.signed(code >> 20, 12)
        var next = cpu.pc &+ 4
        switch code & 0x7F {
        case 0x37: cpu.x[rd] = Self.signed(code >> 12, 20) << 12
        case 0x13: cpu.x[rd] = a &+ immediate
        case 0x33: cpu.x[rd] = a &+ b
        case 0x03: if let access { cpu.x[rd] = load(access.address, access.size) ?? 0 }
        case 0x23: if let access { store(access.address, access.size, access.value) }
        case 0x63:
            let isLess = Int64(bitPattern: a) < Int64(bitPattern: b)
            let high = (code >> 31) << 12 | (code >> 7 & 1) << 11
            let offset = high | (code >> 25 & 63) << 5 | (code >> 8 & 15) << 1
            if isLess { next = cpu.pc &+ Self.signed(offset, 13) }
        case 0x6F:
            let high = (code >> 31) << 20 | (code >> 12 & 255) << 12
            let offset = high | (code >> 20 & 1) << 11 | (code >> 21 & 1023) << 1
            cpu.x[rd] = next
            next = cpu.pc &+ Self.signed(offset, 21)
        case 0x67:
            cpu.x[rd] = next
            next = a &+ immediate
        default: break
        }
        cpu.x[0] = 0
        cpu.pc = next
        cpus[index] = cpu
        icount += 1
    }

    private static func signed(_ value: UInt32, _ bits: UInt32) -> UInt64 {
        UInt64(bitPattern: Int64(Int32(bitPattern: value << (32 - bits)) >> Int32(32 - bits)))
    }
}

/// The program of the tests. `counter` counts to 100; each time, a function is called.
enum Program {
    static let start: UInt64 = 0x1000
    static let loop: UInt64 = 0x1008
    static let storing: UInt64 = 0x100C
    static let call: UInt64 = 0x1010
    static let function: UInt64 = 0x1020
    static let other: UInt64 = 0x1040
    static let counter: UInt64 = 0x2000
    /// Before the loop, and in each turn.
    static let (before, turn): (UInt64, UInt64) = (2, 7)

    private static let code: [(UInt64, UInt32)] = [
        (0x1000, 0x0000_0513),  // li a0, 0
        (0x1004, 0x0000_25B7),  // lui a1, 2
        (0x1008, 0x0015_0513),  // addi a0, a0, 1
        (0x100C, 0x00A5_B023),  // sd a0, 0(a1)
        (0x1010, 0x0100_00EF),  // jal ra, 0x1020
        (0x1014, 0x0640_0613),  // li a2, 100
        (0x1018, 0xFEC5_48E3),  // blt a0, a2, 0x1008
        (0x101C, 0x0000_006F),  // j .
        (0x1020, 0x0026_8693),  // addi a3, a3, 2
        (0x1024, 0x0000_8067),  // ret
        // The second CPU's.
        (0x1040, 0x0017_0713),  // addi a4, a4, 1
        (0x1044, 0xFFDF_F06F),  // j 0x1040
    ]

    static func machine(cpus: Int) -> TinyMachine {
        var machine = TinyMachine(
            cpus: (0..<cpus).map { .init(pc: $0 == 0 ? start : other) },
            memory: [UInt8](repeating: 0, count: 0x3000))
        for (address, word) in code { machine.store(address, 4, UInt64(word)) }
        return machine
    }
}
