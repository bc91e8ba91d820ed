/// Finds packets in what a debugger sends: `$`, the content, `#`, the sum of its bytes as two hexadecimal digits.
struct PacketReader {
    enum Input: Equatable {
        case packet([UInt8])
        /// The sum was wrong.
        case damaged
        /// Longer than ``Packet/limit``; its content is lost.
        case tooLong
        /// Ctrl-C, between packets.
        case interrupt
        case acknowledged
        /// The debugger asks for the last packet again.
        case notUnderstood
    }

    private enum State {
        case between, content
        case firstDigit
        case secondDigit(UInt8?)
    }

    private var state = State.between
    private var content: [UInt8] = []
    private var isTooLong = false
    private var sum: UInt8 = 0

    mutating func next(_ byte: UInt8) -> Input? {
        switch state {
        case .between: return betweenPackets(byte)
        case .content: addToContent(byte)
        case .firstDigit: state = .secondDigit(Hex.value(of: byte))
        case .secondDigit(let first):
            state = .between
            return end(first, Hex.value(of: byte))
        }
        return nil
    }

    private mutating func betweenPackets(_ byte: UInt8) -> Input? {
        switch byte {
        case UInt8(ascii: "$"): begin()
        case 0x03: return .interrupt
        case UInt8(ascii: "+"): return .acknowledged
        case UInt8(ascii: "-"): return .notUnderstood
        default: break
        }
        return nil
    }

    private mutating func begin() {
        state = .content
        content.removeAll(keepingCapacity: true)
        isTooLong = false
        sum = 0
    }

    private mutating func addToContent(_ byte: UInt8) {
        switch byte {
        // Never in a content: the packet before was cut off.
        case UInt8(ascii: "$"): begin()
        case UInt8(ascii: "#"): state = .firstDigit
        default:
            sum &+= byte
            isTooLong = isTooLong || content.count >= Packet.limit
            if !isTooLong { content.append(byte) }
        }
    }

    private func end(_ first: UInt8?, _ second: UInt8?) -> Input {
        guard let first, let second, first << 4 | second == sum else { return .damaged }
        return isTooLong ? .tooLong : .packet(content)
    }
}
