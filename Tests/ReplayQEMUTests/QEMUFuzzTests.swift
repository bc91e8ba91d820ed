import ReplayLog
import Testing

@testable import ReplayQEMU

@Suite struct QEMUFuzzTests {
    /// SplitMix64.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }
    }

    private func damage(_ bytes: [UInt8], _ generator: inout Generator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            guard bytes.count > 2 else { return bytes }
            let place = Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes[place] = UInt8.random(in: .min ... .max, using: &generator)
            case 2: bytes.removeSubrange(place...)
            case 3: bytes.insert(contentsOf: [0, 5, 26, 255, 23].shuffled(using: &generator), at: place)
            case 4: bytes.removeSubrange(place..<min(bytes.count, place + 9))
            default:
                // A number with all bits, where a length may be.
                for index in place..<min(bytes.count, place + 8) { bytes[index] = 255 }
            }
        }
        return bytes
    }

    /// Where the last event ends, and whether an error ended the reading.
    private func read(_ path: String) -> (end: UInt64, isRefused: Bool) {
        var end: UInt64 = 0
        do throws(LogError) {
            let reader = try QEMULogReader(path: path)
            var event = QEMUEvent()
            while try withUnsafeMutablePointer(
                to: &event, { place throws(LogError) in try reader.next(into: place) })
            {
                end = event.offset + UInt64(event.length)
                for byte in event.payload { withExtendedLifetime(byte) {} }
            }
            return (end, reader.ending == nil)
        } catch {
            return (end, true)
        }
    }

    /// Whatever the bytes are, reading ends, and every event is within the file.
    @Test func tenThousandDamagedLogsAreReadToAnEnd() {
        var generator = Generator(state: 12)
        let logs = QEMUBytes.formats.flatMap {
            [QEMUBytes.everyKind($0), QEMUBytes.everyKind($0, version: 0)]
        }
        let file = LogFile()
        var refused = 0
        for round in 0..<10_000 {
            let bytes = damage(logs[round % logs.count].bytes, &generator)
            file.write(bytes)
            let (end, isRefused) = read(file.path)
            if end > UInt64(bytes.count) { Issue.record("round \(round): an event ends at \(end)") }
            if isRefused { refused += 1 }
        }
        #expect(refused > 1000)
    }
}
