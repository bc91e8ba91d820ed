import Testing

@testable import ReplayEngine
@testable import ReplayLog
@testable import ReplaySystem

/// A position comes from a stream of the host, which may give anything.
@Suite struct PositionTests {
    private func timers(_ count: Int) -> TimerList {
        var timers = TimerList()
        for number in 0..<count {
            guard let handle = timers.add({ _ in }, nil) else { continue }
            if number % 3 == 0 { _ = timers.set(handle, at: Int64(number) * 1000) }
            if number % 5 == 4 { _ = timers.remove(handle) }
        }
        return timers
    }

    private func position(_ count: Int) -> EnginePosition {
        var state = EngineState()
        state.unorderedEvents = 1
        (state.hostClock, state.virtualRTClock) = (-5, .max)
        (state.nextBottomHalf, state.nextBlockRequest, state.unwrittenBlockRequests) = (6, 7, 8)
        state.flushPlace = FlushPlace(number: 1, icount: 2, events: 3, isIdle: true)
        (state.nextDigest, state.shutdownIcount) = (9, 10)
        state.shutdownCause = .guestReset
        state.clock = VirtualClock(shift: nil)
        state.clock.armWarp(real: 11, deadline: 12, target: 13)
        state.timers = timers(count)
        var devices = DevicePosition()
        devices.charDevices = 3
        devices.filters = [0, 2]
        devices.disks = [Array("disk0".utf8), Array("system".utf8)]
        return EnginePosition(
            icount: 1234, events: 56, chain: .max, eventsEnabled: true, digestTaker: .flush, devices: devices,
            state: state)
    }

    /// Splitmix64.
    private struct Generator: RandomNumberGenerator {
        private var state: UInt64 = 11
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
            return z ^ z >> 31
        }
    }

    /// The same body with a checksum that fits.
    private func mended(_ body: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.writeBytes(body.dropLast(8))
        writer.writeChecksum()
        return writer.bytes
    }

    @Test func whatIsWrittenIsRead() throws {
        for count in [0, 1, 40] {
            let written = position(count)
            let (head, body) = written.encoded()
            #expect(head.withUnsafeBytes { EnginePosition.bodyLength($0) } == body.count)
            let read = try body.withUnsafeBytes { bytes throws(ReplayError) in
                try EnginePosition(body: bytes, timers: timers(count))
            }
            #expect(read.encoded().body == body)
        }
    }

    @Test func noBytesTrap() {
        var generator = Generator()
        let (_, good) = position(12).encoded()
        for round in 0..<20_000 {
            var body = good
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                body[Int.random(in: 0..<body.count, using: &generator)] = .random(
                    in: 0...255, using: &generator)
            }
            if round % 3 == 0 { body = Array(body.prefix(Int.random(in: 8...body.count, using: &generator))) }
            if round % 7 == 0 { body += (0..<20).map { _ in .random(in: 0...255, using: &generator) } }
            let mended = mended(body)
            _ = mended.withUnsafeBytes { try? EnginePosition(body: $0, timers: timers(round % 13)) }
        }
    }
}
