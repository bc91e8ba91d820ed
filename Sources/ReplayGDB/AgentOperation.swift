/// The operations of gdb's agent expressions, with the codes of its manual ("The GDB Agent Expression Mechanism").
///
/// Not here, and so an error: floating point, which the manual leaves undefined; and trace state variables and
/// `printf`, which only tracepoints have.
enum AgentOperation: UInt8 {
    case add = 0x02
    case sub = 0x03
    case mul = 0x04
    case divSigned = 0x05
    case divUnsigned = 0x06
    case remSigned = 0x07
    case remUnsigned = 0x08
    case lsh = 0x09
    case rshSigned = 0x0A
    case rshUnsigned = 0x0B
    case trace = 0x0C
    case traceQuick = 0x0D
    case logNot = 0x0E
    case bitAnd = 0x0F
    case bitOr = 0x10
    case bitXor = 0x11
    case bitNot = 0x12
    case equal = 0x13
    case lessSigned = 0x14
    case lessUnsigned = 0x15
    case ext = 0x16
    case ref8 = 0x17
    case ref16 = 0x18
    case ref32 = 0x19
    case ref64 = 0x1A
    case ifGoto = 0x20
    case goto = 0x21
    case const8 = 0x22
    case const16 = 0x23
    case const32 = 0x24
    case const64 = 0x25
    case reg = 0x26
    case end = 0x27
    case dup = 0x28
    case pop = 0x29
    case zeroExt = 0x2A
    case swap = 0x2B
    case tracenz = 0x2F
    case trace16 = 0x30
    case pick = 0x32
    case rot = 0x33

    /// How many bytes of operand follow the code, most significant first.
    var operandBytes: Int {
        switch self {
        case .const8, .ext, .zeroExt, .traceQuick, .pick: 1
        case .const16, .ifGoto, .goto, .reg, .trace16: 2
        case .const32: 4
        case .const64: 8
        default: 0
        }
    }

    /// `a` was pushed before `b`. nil: not an operation on two numbers, or a division by zero.
    func apply(_ a: UInt64, _ b: UInt64) -> UInt64? {
        let (signedA, signedB) = (Int64(bitPattern: a), Int64(bitPattern: b))
        switch self {
        case .add: return a &+ b
        case .sub: return a &- b
        case .mul: return a &* b
        case .divSigned: return Self.quotient(signedA, signedB).map(UInt64.init(bitPattern:))
        case .divUnsigned: return b == 0 ? nil : a / b
        case .remSigned: return Self.remainder(signedA, signedB).map(UInt64.init(bitPattern:))
        case .remUnsigned: return b == 0 ? nil : a % b
        // A shift by more than all bits is defined in Swift, and doesn't trap.
        case .lsh: return a << b
        case .rshSigned: return UInt64(bitPattern: signedA >> b)
        case .rshUnsigned: return a >> b
        case .bitAnd: return a & b
        case .bitOr: return a | b
        case .bitXor: return a ^ b
        case .equal: return a == b ? 1 : 0
        case .lessSigned: return signedA < signedB ? 1 : 0
        case .lessUnsigned: return a < b ? 1 : 0
        default: return nil
        }
    }

    /// The smallest number divided by -1 doesn't fit, and stays the smallest.
    private static func quotient(_ a: Int64, _ b: Int64) -> Int64? {
        b == 0 ? nil : a.dividedReportingOverflow(by: b).partialValue
    }

    private static func remainder(_ a: Int64, _ b: Int64) -> Int64? {
        if b == 0 { return nil }
        return b == -1 ? 0 : a % b
    }
}
