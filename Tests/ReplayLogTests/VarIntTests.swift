import TestSupport
import Testing

@testable import ReplayLog

@Suite struct VarIntTests {
    /// All values around each power of two.
    private var values: [UInt64] {
        var generator = SeededGenerator(seed: 3)
        return (0..<64).flatMap { [1 << $0, (1 << $0) - 1, (1 << $0) + 1] as [UInt64] } + [.max]
            + (0..<2000).map { _ in generator.magnitude() }
    }

    private func bytewise(_ value: UInt64) -> [UInt8] {
        var writer = ByteWriter()
        writer.writeVarInt(value)
        return writer.bytes
    }

    @Test func twoNumbersAreSpreadAndGatheredAtOnce() {
        let low = values.filter { $0 < 1 << 21 }
        let high = values.filter { $0 < 1 << 28 }.reversed()
        for (low, high) in zip(low, high) {
            let both = VarInt.spread(0xA5 | low << 8 | high << 32)
            #expect(both & 0xFF == 0xA5)
            for (value, part) in [(low, both >> 8 & 0xFF_FFFF), (high, both >> 32)] {
                let bytes = bytewise(value)
                #expect(
                    bytes.indices.allSatisfy { part >> UInt64(8 * $0) & 0x7F == UInt64(bytes[$0] & 0x7F) })
                #expect(part >> UInt64(8 * bytes.count) == 0)
            }
            #expect(VarInt.gather(both >> 8 & 0xFF_FFFF, both >> 32) == low | high << 32)
        }
    }

    @Test func storingAndLoadingAgreeWithTheLoop() {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 32, alignment: 8)
        defer { memory.deallocate() }
        for value in values {
            memory.initializeMemory(as: UInt8.self, repeating: 0xFF, count: 32)
            let end = VarInt.store(value, at: memory)
            #expect(UnsafeRawBufferPointer(start: memory, count: end - memory).elementsEqual(bytewise(value)))
            var place = UnsafeRawPointer(memory)
            var malformed = false
            #expect(VarInt.load(&place, &malformed) == value)
            #expect(place == UnsafeRawPointer(end) && !malformed)
        }
    }

    @Test func numbersLongerThan64BitsAreMalformed() {
        for bytes in [[UInt8](repeating: 0xFF, count: 10) + [1], [UInt8](repeating: 0x80, count: 9) + [2]] {
            var malformed = false
            (bytes + [UInt8](repeating: 0, count: 16)).withUnsafeBytes { buffer in
                var place = buffer.baseAddress!
                _ = VarInt.load(&place, &malformed)
                #expect(place <= buffer.baseAddress! + 10)
            }
            #expect(malformed)
            bytes.withUnsafeBytes {
                var reader = ByteReader($0)
                #expect(reader.readVarInt() == nil)
            }
        }
    }

    @Test func zigzagIsItsOwnWayBack() {
        for value in values.map({ Int64(bitPattern: $0) }) {
            #expect(VarInt.unzigzag(VarInt.zigzag(value)) == value)
            #expect(VarInt.unzigzag(VarInt.zigzag(0 &- value)) == 0 &- value)
        }
        #expect([0, -1, 1, -2, 2].map { VarInt.zigzag($0) } == [0, 1, 2, 3, 4])
    }
}
