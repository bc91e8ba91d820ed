import Glibc
import ReplaySystem
import Synchronization
import TestSupport
import Testing

@testable import ReplayLog

/// The live file's segments, and the two threads that empty them.
@Suite struct SegmentTests {
    private let scratch = Scratch()
    private let events = TestEvent.script(600, seed: 21)

    private func writer(_ options: LogOptions) throws -> LogWriter {
        let writer = try LogWriter(path: scratch.path("log"), options: options)
        try writer.writeMetadata(.test)
        return writer
    }

    /// What the sealer waits at.
    private final class Gate: Sendable {
        let isShut = Atomic(false)
    }

    /// A writer of eight segments, whose sealer writes no chunk until the gate is open.
    private func writer(_ gate: Gate) throws -> LogWriter {
        var options = LogOptions.test
        options.liveSegments = 8
        options.faults = SyscallFaults { call, _ in
            while call == .write, gate.isShut.load(ordering: .acquiring) { Syscalls.pause() }
            return .pass
        }
        let writer = try writer(options)
        gate.isShut.store(true, ordering: .releasing)
        return writer
    }

    /// The disk takes as long as the recording.
    @Test func nothingWaitsForTheDisk() throws {
        let isSlow = Atomic(true)
        let asked = Atomic(0)
        var options = LogOptions.test
        options.syncInterval = 1_000_000
        options.faults = SyscallFaults { call, _ in
            if call == .sync {
                asked.add(1, ordering: .relaxed)
                while isSlow.load(ordering: .acquiring) { Syscalls.pause() }
            }
            return .pass
        }
        let writer = try writer(options)
        while asked.load(ordering: .relaxed) == 0 { Syscalls.pause() }
        for event in events {
            // All segments become free while the disk is busy.
            for ticket in writer.tickets { writer.sealer.wait(for: ticket) }
            #expect(writer.append(event))
        }
        #expect(writer.stalls == 0 && asked.load(ordering: .relaxed) == 1)
        isSlow.store(false, ordering: .releasing)
        try writer.finish(LogEnd())
        #expect(Outcome(scratch.path("log")).events == events)
    }

    @Test func eightSegmentsMayWaitForTheSealer() throws {
        let sealer = Gate()
        let writer = try writer(sealer)
        var count = 0
        while writer.segment.sequence < 8 {
            #expect(writer.append(events[count]))
            count += 1
        }
        #expect(writer.stalls == 0)
        let written = Array(events.prefix(count))
        #expect(Outcome(scratch.path("log")).events == written)
        #expect(Outcome(scratch.path("log")).state == .running)
        // As if the recorder had used the third one after a reader looked at it.
        let live = try #require(Files.read(scratch.path("log.live")))
        let place = off_t(writer.live.layout.segmentOffset(2))
        let descriptor = open(scratch.path("log.live"), O_RDWR)
        defer { close(descriptor) }
        var state = LiveLayout.free.littleEndian
        #expect(pwrite(descriptor, &state, 8, place) == 8)
        let outcome = Outcome(scratch.path("log"))
        #expect(outcome.error == nil && outcome.state == .running)
        #expect(!outcome.events.isEmpty && outcome.events == Array(events.prefix(outcome.events.count)))
        state = LiveLayout.active.littleEndian
        #expect(pwrite(descriptor, &state, 8, place) == 8)
        #expect(Files.read(scratch.path("log.live")) == live)
        sealer.isShut.store(false, ordering: .releasing)
        try writer.finish(LogEnd())
        #expect(Outcome(scratch.path("log")).events == written)
    }

    @Test func segmentsThatBecomeChunksWhileTheyAreReadAreNotMissed() throws {
        let sealer = Gate()
        let writer = try writer(sealer)
        var count: UInt64 = 0
        while writer.segment.sequence < 5 {
            #expect(writer.append(events[Int(count)]))
            count += 1
        }
        // The header page has one read, and each segment four: this is the second segment's first one.
        let system = Syscalls(
            faults: SyscallFaults { call, number in
                if call == .read, number == 5 {
                    sealer.isShut.store(false, ordering: .releasing)
                    for ticket in writer.tickets { writer.sealer.wait(for: ticket) }
                }
                return .pass
            })
        let live = try #require(try LiveSnapshot(path: scratch.path("log.live"), system: system))
        #expect(live.segments.map(\.header.sequence) == [1, 5])
        var scan = try LogScan(path: scratch.path("log"), system: Syscalls())
        try scan.add(live)
        #expect(scan.contents.ending == nil && scan.contents.eventCount == count)
        try writer.finish(LogEnd())
    }

    /// A power cut may leave an old state of the live file beside a new one of the log.
    @Test func aLiveFileMayBeOlderThanTheLog() throws {
        let writer = try writer(.test)
        var older: [[UInt8]] = []
        for (number, event) in events.enumerated() {
            if number % 50 == 0 { older.append(try #require(Files.read(scratch.path("log.live")))) }
            #expect(writer.append(event))
        }
        for ticket in writer.tickets { writer.sealer.wait(for: ticket) }
        writer.abandon()
        Files.write(scratch.path("log.live"), [])
        unlink(scratch.path("log.live"))
        let chunks = Outcome(scratch.path("log")).events
        #expect(chunks.count > 500)
        for live in older.dropLast() {
            Files.write(scratch.path("log.live"), live)
            let outcome = Outcome(scratch.path("log"))
            #expect(outcome.error == nil && outcome.events == chunks)
            #expect(outcome.state == .died(reason: "its recorder ended without replay_finish()"))
        }
    }

    /// The thread that syncs also gives up what is too old.
    @Test func theBeginningStaysWhenTheLogEnds() throws {
        let ring = Locked<LogRing?>(nil)
        var options = LogOptions.test
        options.last = LogRing.Limits(nanoseconds: 300_000_000)
        options.faults = SyscallFaults { call, number in
            if call == .read, let ring = ring.withLock({ $0 }) {
                if number == 0 { usleep(400_000) }
                #expect(ring.expire() == nil)
            }
            return .pass
        }
        let writer = try writer(options)
        for event in events.prefix(80) { #expect(writer.append(event)) }
        let place = LogRing.Place(
            icount: writer.lastIcount, event: writer.eventCount, chain: writer.chain, generation: 0)
        for event in events.dropFirst(80).prefix(60) { #expect(writer.append(event)) }
        #expect(try #require(writer.ring).offer(place) == nil)
        ring.withLock { $0 = writer.ring }
        try writer.finish(LogEnd())
        ring.withLock { $0 = nil }
        #expect(Outcome(scratch.path("log")).events == Array(events.prefix(140)))
        #expect(Outcome(scratch.path("log")).isFinished)
    }
}
