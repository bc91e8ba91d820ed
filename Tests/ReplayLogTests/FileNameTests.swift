import Glibc
import TestSupport
import Testing

@testable import ReplayLog
@testable import ReplaySystem

@Suite struct FileNameTests {
    let scratch = Scratch()

    @Test func anyBytesComeBack() {
        var generator = SeededGenerator(seed: 3)
        let fixed: [[UInt8]] = [
            [], [0x61], [0xE9], [0xC3, 0xA9], [0x65, 0xCC, 0x81], [0xC3], [0xED, 0xA0, 0x80], [0xFF, 0xFE],
            // A scalar that represents a byte in a name.
            [0xF4, 0x8F, 0xBE, 0x80], [0xF4, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80],
        ]
        let random = (0..<2000).map { _ in
            (0..<Int.random(in: 0...9, using: &generator)).map { _ in
                Bool.random(using: &generator)
                    ? UInt8.random(in: 1...255, using: &generator)
                    : [0xC3, 0xA9, 0xF4, 0x8F, 0xBE, 0xBF, 0x80, 0xE2].randomElement(using: &generator)
                        ?? 0x61
            }
        }
        for bytes in fixed + random {
            #expect(String(fileBytes: bytes).fileBytes == bytes)
            bytes.withUnsafeBytes { #expect(ByteText($0).bytes == bytes) }
        }
        #expect(String(fileBytes: "caf\u{E9}".utf8) == "caf\u{E9}")
        #expect(String(fileBytes: [0x61, 0xE9, 0x2E]).shown == "a\\xE9.")
    }

    @Test func aLogMayHaveAnyName() throws {
        let events = TestEvent.script(200, seed: 3)
        for bytes in [[0xE9, 0x2E, 0x6C], [0xF4, 0x8F, 0xBE, 0x80], [0x65, 0xCC, 0x81]] as [[UInt8]] {
            let name = String(fileBytes: bytes)
            let outcome = Outcome(try scratch.finishedLog(name, events))
            #expect(outcome.error == nil && outcome.events == events)
            #expect(Outcome(try scratch.diedLog(name, events)).events == events)
            scratch.path(name).withFileName { #expect(access($0, F_OK) == 0) }
        }
    }
}
