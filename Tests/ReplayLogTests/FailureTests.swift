import Glibc
import TestSupport
import Testing

@testable import ReplayLog
@testable import ReplaySystem

@Suite struct FailureTests {
    let scratch = Scratch()
    private let events = TestEvent.script(300, seed: 33)

    /// Records until the log dies. Returns the events that it took, or nil if it could not begin.
    private func record(_ path: String, _ faults: SyscallFaults) -> (taken: Int, failure: LogError?)? {
        var options = LogOptions.test
        options.faults = faults
        guard let writer = try? LogWriter(path: path, options: options) else { return nil }
        var taken = 0
        do throws(LogError) {
            try writer.writeMetadata(.test)
            for event in events {
                guard writer.append(event) else { break }
                taken += 1
            }
            try writer.finish(LogEnd(icount: writer.lastIcount))
            return (taken, nil)
        } catch {
            #expect(!writer.append(.interrupt, .vcpu, 1))
            #expect(writer.failure != nil)
            return (taken, error)
        }
    }

    /// The nth write fails in a way; every event that was taken is read, whatever n is.
    private func failAtEveryWrite(_ decide: @escaping @Sendable (Int, Int) -> SyscallFaults.Action) throws {
        let path = scratch.path("log")
        var number = 0
        var (stopped, finished) = (0, 0)
        while finished == 0 {
            let failing = number
            let faults = SyscallFaults { call, count in call == .write ? decide(count, failing) : .pass }
            let result = record(path, faults)
            let outcome = Outcome(path)
            guard let result else {
                // The live file's header, and the log's.
                #expect(number < 2 && outcome.error?.code == .notFound)
                number += 1
                continue
            }
            #expect(outcome.error == nil, "write \(number)")
            #expect(outcome.events == Array(events.prefix(result.taken)), "write \(number)")
            if let failure = result.failure {
                stopped += 1
                #expect(failure.code == .diskFull && outcome.hasDied, "write \(number)")
                #expect(Files.exists(path + ".live"))
                #expect(try LogReader(path: path).recorderErrno == ENOSPC)
            } else {
                finished += 1
                #expect(outcome.isFinished && result.taken == events.count)
            }
            number += 1
        }
        #expect(stopped > 10)
    }

    @Test func aDiskThatFillsUpLosesNothing() throws {
        try failAtEveryWrite { count, failing in count >= failing ? .fail(ENOSPC) : .pass }
    }

    @Test func aWriteThatFailsOnceLosesNothing() throws {
        try failAtEveryWrite { count, failing in count == failing ? .fail(ENOSPC) : .pass }
    }

    @Test func aWriteThatStopsHalfwayLosesNothing() throws {
        try failAtEveryWrite { count, failing in
            count == failing ? .short(50) : count > failing ? .fail(ENOSPC) : .pass
        }
    }

    @Test func aTailThatCantBeCutOffLosesNothing() throws {
        for number in 1..<20 {
            let faults = SyscallFaults { call, count in
                switch call {
                case .write: count == number ? .short(90) : count > number ? .fail(ENOSPC) : .pass
                case .truncate: count > 0 ? .fail(EIO) : .pass
                default: .pass
                }
            }
            let result = try #require(record(scratch.path("log"), faults))
            let outcome = Outcome(scratch.path("log"))
            #expect(outcome.error == nil, "write \(number)")
            #expect(outcome.events == Array(events.prefix(result.taken)), "write \(number)")
        }
    }

    @Test func interruptedAndShortCallsGoOn() throws {
        let faults = SyscallFaults { _, count in .short(1 + count % 7) }
        let result = try #require(record(scratch.path("log"), faults))
        #expect(result.failure == nil)
        let reader = try LogReader(path: scratch.path("log"), faults: faults)
        #expect(reader.readAll().events == events)
    }

    @Test func aRecorderThatCantBeginSaysWhyAndLeavesTheOldLog() throws {
        let old = TestEvent.script(50, seed: 1)
        let path = try scratch.finishedLog("log", old)
        for (call, error, code) in [
            (.open, EACCES, .system(EACCES)), (.lock, EINVAL, .system(EINVAL)),
            (.allocate, ENOSPC, .diskFull),
            (.map, ENOMEM, .noMemory), (.stat, EIO, nil), (.rename, EIO, .system(EIO)),
            (.thread, EAGAIN, .system(EAGAIN)),
        ] as [(SyscallFaults.Call, Int32, LogError.Code?)] {
            var options = LogOptions.test
            options.faults = SyscallFaults { asked, _ in asked == call ? .fail(error) : .pass }
            do throws(LogError) {
                _ = try LogWriter(path: path, options: options)
                Issue.record("\(call) didn't fail")
            } catch {
                #expect(code == nil || error.code == code, "\(call): \(error)")
            }
            #expect(Outcome(path).events == old && Outcome(path).isFinished, "\(call)")
            #expect(!Files.exists(path + ".live"), "\(call)")
        }
    }

    @Test func aFolderOrADeviceIsNoPlaceForALog() {
        for path in [scratch.folder, "/dev/null", scratch.path("none/log"), "", "a\0b"] {
            #expect(throws: LogError.self, "\(path)") { try LogWriter(path: path, options: .test) }
        }
    }

    @Test func aFailedReadIsAnError() throws {
        let path = try scratch.finishedLog("log", events)
        for number in 0..<20 {
            let faults = SyscallFaults { call, count in call == .read && count == number ? .fail(EIO) : .pass
            }
            do throws(LogError) {
                let (read, error) = try LogReader(path: path, faults: faults).readAll()
                #expect(error?.code == .system(EIO) && read == Array(events.prefix(read.count)))
            } catch {
                #expect(error.code == .system(EIO))
            }
        }
    }

    @Test func aFailedSyncEndsTheLogAndLosesNothing() throws {
        var options = LogOptions.test
        options.syncInterval = 1_000_000
        options.faults = SyscallFaults { call, _ in call == .sync ? .fail(EIO) : .pass }
        let writer = try LogWriter(path: scratch.path("log"), options: options)
        var count: UInt64 = 0
        while writer.failure == nil {
            #expect(writer.append(.interrupt, .vcpu, count))
            count += 1
            Syscalls.pause()
        }
        while writer.append(.interrupt, .vcpu, count) { count += 1 }
        #expect(throws: LogError.self) { try writer.finish(LogEnd()) }
        let outcome = Outcome(scratch.path("log"))
        #expect(outcome.error == nil && outcome.events.count == Int(count))
        #expect(outcome.state == .died(reason: "its recorder stopped: \(SystemError(EIO))"))
    }
}
