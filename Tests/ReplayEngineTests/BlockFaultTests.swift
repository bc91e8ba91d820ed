import CReplay
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import ReplayEngine
@testable import ReplaySystem

/// Each system call on a disk's file and overlay fails once, while recording and while replaying.
@Suite(.serialized) struct BlockFaultTests {
    private let scratch = Scratch()
    private static let length = 1 << 16

    // MARK: Parts

    private static func bytes(_ count: Int, seed: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 / 251 &+ seed) }
    }

    private let requests: [DiskMachine.Request] = [
        .read(0, 4096), .write(1000, bytes(9000, seed: 1), isForced: false), .read(0, 12000),
        .write(4000, bytes(512, seed: 2), isForced: true), .zeroes(8000, 3000), .flush, .discard(20000, 5000),
        .zeroes(60000, 5536), .read(0, length), .write(30000, bytes(100, seed: 3), isForced: false),
        .read(29000, 3000), .flush,
    ]

    private func prepare(_ storage: DiskMachine.Storage) throws {
        let image = open(scratch.path("image"), O_RDWR | O_CREAT | O_TRUNC, 0o600)
        defer { close(image) }
        let written = Self.bytes(Self.length, seed: 0).withUnsafeBytes {
            write(image, $0.baseAddress, $0.count)
        }
        try #require(written == Self.length)
        unlink(scratch.path("overlay"))
    }

    private struct Course {
        var opened: Status
        var outcomes: [DiskMachine.Outcome] = []
        var stopped: Status?
        var finished = Status.ok
    }

    private func run(_ mode: Int, _ storage: DiskMachine.Storage, _ fault: Fault?) throws -> Course {
        try prepare(storage)
        let machine = try DiskMachine(mode, scratch.folder, storage, faults: fault?.faults) { fault?.arm($0) }
        var course = Course(opened: machine.opened)
        if course.opened == .ok {
            fault?.arm(true)
            for request in requests {
                guard let outcome = machine.perform(request) else { break }
                course.outcomes.append(outcome)
            }
            fault?.arm(false)
            if mode == REPLAY_MODE_PLAY { machine.runToEnd() }
        }
        course.finished = machine.finish()
        course.stopped = machine.stopped
        return course
    }

    /// What was written and not refused is what is read.
    private func checkData(_ course: Course, _ storage: DiskMachine.Storage, _ comment: String) {
        var known: [UInt8?] = Self.bytes(Self.length, seed: 0)
        for (request, outcome) in zip(requests, course.outcomes) {
            let isDone = outcome.result >= 0
            switch request {
            case .write(let offset, let bytes, _):
                for (index, byte) in bytes.enumerated() { known[offset + index] = isDone ? byte : nil }
            case .zeroes(let offset, let count):
                for index in offset..<offset + count { known[index] = isDone ? 0 : nil }
            case .discard(let offset, let count): for index in offset..<offset + count { known[index] = nil }
            case .flush: break
            case .read(let offset, _):
                for (index, byte) in outcome.data.enumerated() {
                    #expect(known[offset + index] ?? byte == byte, "\(comment): byte \(offset + index)")
                    known[offset + index] = byte
                }
            }
        }
    }

    private static let named: [Status] = [
        .system, .invalidArgument, .noMemory, .diskFull, .blockData, .divergence,
    ]

    // MARK: Tests

    @Test(arguments: DiskMachine.Storage.allCases, [EIO, ENOSPC])
    func aCallThatFailsWhileRecordingLosesNothingSilently(_ storage: DiskMachine.Storage, _ error: Int32)
        throws
    {
        var (refused, failed) = (0, 0)
        for number in 0..<1000 {
            let comment = "\(storage), errno \(error), call \(number)"
            let fault = Fault(number, error)
            let course = try run(REPLAY_MODE_RECORD, storage, fault)
            guard course.opened == .ok else {
                refused += 1
                #expect(Self.named.contains(course.opened), "\(comment): \(course.opened)")
                continue
            }
            // The guest handles the disk's failure; the recording continues.
            #expect(course.outcomes.count == requests.count && course.finished == .ok, "\(comment)")
            for outcome in course.outcomes where outcome.result != 0 {
                failed += 1
                #expect(outcome.result == 0 - error, "\(comment)")
            }
            checkData(course, storage, comment)
            let replay = try run(REPLAY_MODE_PLAY, storage, nil)
            // A write that failed after it had changed the file, perhaps in a part, is one that the replay does wholly
            // or not at all.
            let mayDiffer = storage != .temporaryOverlay && course.outcomes.contains { $0.result < 0 }
            if mayDiffer, let stopped = replay.stopped {
                #expect(stopped == .blockData, "\(comment)")
                #expect(Array(course.outcomes.prefix(replay.outcomes.count)) == replay.outcomes, "\(comment)")
            } else {
                #expect(replay.stopped == nil && replay.outcomes == course.outcomes, "\(comment)")
            }
            if !fault.wasMade { break }
        }
        #expect(refused > 1 && failed > (storage == .image ? 5 : 3), "\(refused) refused, \(failed) failed")
    }

    @Test(arguments: DiskMachine.Storage.allCases)
    func aCallThatFailsWhileReplayingIsNamed(_ storage: DiskMachine.Storage) throws {
        let recorded = try run(REPLAY_MODE_RECORD, storage, nil)
        #expect(recorded.outcomes.allSatisfy { $0.result == 0 } && recorded.outcomes.count == requests.count)
        var (refused, stopped) = (0, 0)
        for number in 0..<1000 {
            let comment = "\(storage), call \(number)"
            let fault = Fault(number, EIO)
            let course = try run(REPLAY_MODE_PLAY, storage, fault)
            // What the guest got is what it got while recording.
            #expect(Array(recorded.outcomes.prefix(course.outcomes.count)) == course.outcomes, "\(comment)")
            if course.opened != .ok {
                refused += 1
                #expect(Self.named.contains(course.opened), "\(comment): \(course.opened)")
            } else if let status = course.stopped {
                stopped += 1
                // An overlay that can't be written isn't a divergence.
                let isOverlay = storage == .temporaryOverlay || storage == .keptOverlay
                #expect(status == .blockData || isOverlay && status == .system, "\(comment): \(status)")
            } else {
                #expect(course.outcomes.count == requests.count, "\(comment)")
            }
            if !fault.wasMade { break }
        }
        #expect(refused > 1 && stopped > 5, "\(refused) refused, \(stopped) stopped")
    }
}
