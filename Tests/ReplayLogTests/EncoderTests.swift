import Synchronization
import Testing

@testable import ReplayLog

@Suite struct EncoderTests {
    /// Zero, and all values around each power of two.
    private let values: [UInt64] =
        [0] + (0..<64).flatMap { [(1 << $0) &- 1, 1 << $0, (1 << $0) + 1] as [UInt64] }

    private func withEncoder(_ body: (inout EventEncoder) -> Void) -> [UInt8] {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 256, alignment: 16)
        let committed = EventEncoder.Word.allocate(capacity: 1)
        committed.initialize(to: Atomic(RunningChecksum.published(RunningChecksum.seed, length: 0)))
        var encoder = EventEncoder(base: memory, committed: committed)
        defer {
            encoder.deallocate()
            committed.deallocate()
            memory.deallocate()
        }
        encoder.limit = memory + 128
        encoder.sealIcount = .max
        body(&encoder)
        #expect(
            committed.pointee.load(ordering: .relaxed)
                == RunningChecksum.published(encoder.check, length: encoder.offset))
        return Array(UnsafeRawBufferPointer(start: memory, count: encoder.offset))
    }

    @Test(arguments: [ThreadRole.vcpu, .io])
    func theFastWayWritesTheSameBytes(_ role: ThreadRole) {
        for icount in values {
            var isSmall = false
            let quick = withEncoder { isSmall = $0.put(UInt64(EventKind.interrupt.rawValue), role, icount) }
            #expect(isSmall == (icount < 1 << 21))
            if isSmall { #expect(quick == withEncoder { $0.putLong(.interrupt, role, icount, 0) }) }
        }
    }

    @Test(arguments: [ThreadRole.vcpu, .io])
    func theFastWayWritesTheSameBytesForClocks(_ role: ThreadRole) {
        for icount in values where icount < 1 << 22 {
            for value in values.flatMap({ [Int64(bitPattern: $0), 0 &- Int64(bitPattern: $0)] }) {
                let kind = UInt64(EventKind.clockVirtualRT.rawValue)
                var isSmall = false
                let quick = withEncoder { isSmall = $0.putClock(kind, role, icount, value) }
                #expect(isSmall == (icount < 1 << 21 && (-(1 << 27)..<(1 << 27)).contains(value)))
                if isSmall {
                    #expect(quick == withEncoder { $0.putLong(.clockVirtualRT, role, icount, value) })
                }
            }
        }
    }
}
