import Glibc
import TestSupport
import Testing

@testable import ReplayLog
@testable import ReplaySystem

/// An older recording stays until the new one has started, whenever the recorder dies.
@Suite struct StartTests {
    let scratch = Scratch()
    private let old = TestEvent.script(80, seed: 31)
    private let events = TestEvent.script(80, seed: 32)

    private var later: LogOptions {
        var options = LogOptions.test
        options.startsLater = true
        return options
    }

    private func files() -> Set<String> {
        Set(["", ".live", ".new", ".live.new"].filter { Files.exists(scratch.path("run") + $0) })
    }

    /// What a recorder may find: nothing, a finished log, one whose recorder died, both with small and large segments.
    private func before(_ number: Int) throws -> [TestEvent]? {
        let path = scratch.path("run")
        for suffix in ["", ".live", ".new", ".live.new"] { unlink(path + suffix) }
        switch number {
        case 0: return nil
        case 1: try scratch.finishedLog("run", old)
        case 2: try scratch.diedLog("run", old)
        case 3: try scratch.diedLog("run", old, LogOptions(segmentSize: 1 << 16, syncInterval: 0))
        default: try scratch.diedLog("run", old, LogOptions(segmentSize: 1024, syncInterval: 0))
        }
        return old
    }

    @Test func anOlderLogStaysUntilTheStart() throws {
        let path = scratch.path("run")
        for number in 0..<5 {
            let older = try before(number)
            let found = files()
            for starts in [false, true] {
                let writer = try LogWriter(path: path, options: later)
                for event in events { #expect(writer.append(event)) }
                if let older { #expect(Outcome(path).events == older) } else { #expect(!Files.exists(path)) }
                if number >= 2, !starts { #expect(Outcome(path).hasDied) }
                if starts {
                    try writer.start()
                    #expect(Outcome(path).events == events && files() == ["", ".live"])
                    try writer.finish(LogEnd())
                    #expect(Outcome(path).events == events && files() == [""])
                } else {
                    #expect(throws: LogError.self) { try writer.finish(LogEnd()) }
                    writer.abandon()
                    #expect(files() == found)
                    if let older { #expect(Outcome(path).events == older) }
                }
            }
        }
    }

    /// Looks at the files before every system call: a kill there would leave them so.
    @Test func atEveryMomentThereIsTheOlderLogOrTheNewOne() throws {
        let path = scratch.path("run")
        for number in 0..<5 {
            let older = try before(number)
            // The sealer's calls come from its own thread.
            let taken = Locked(0)
            nonisolated(unsafe) var looks = 0
            let events = self.events
            var options = later
            options.faults = SyscallFaults { call, _ in
                looks += 1
                let least = taken.withLock { $0 }
                let outcome = Outcome(path)
                // The recorder continues while the sealer makes its calls.
                let most = min(taken.withLock { $0 } + 1, events.count)
                let isOlder = outcome.error == nil ? outcome.events == older : older == nil
                let isNewer =
                    outcome.error == nil && (least...most).contains(outcome.events.count)
                    && outcome.events.elementsEqual(events.prefix(outcome.events.count))
                #expect(
                    isOlder || isNewer,
                    """
                    \(number), before call \(looks), \(call): \(outcome.events.count) events of \(least) to \
                    \(most), \(String(describing: outcome.error))
                    """)
                return .pass
            }
            let writer = try LogWriter(path: path, options: options)
            for event in events.prefix(40) {
                #expect(writer.append(event))
                taken.withLock { $0 += 1 }
            }
            try writer.start()
            for event in events.dropFirst(40) {
                for ticket in writer.tickets { writer.sealer.wait(for: ticket) }
                #expect(writer.append(event))
                taken.withLock { $0 += 1 }
            }
            #expect(Outcome(path).events == events)
            try writer.finish(LogEnd())
            #expect(looks > 20)
        }
    }

    /// A recorder that dies before or within its start: a second hard link to each file keeps them when
    /// the recorder, which lives, removes or renames them.
    @Test func whatAKilledRecorderLeavesIsCompletedOrRemoved() throws {
        let path = scratch.path("run")
        for number in 0..<5 {
            nonisolated(unsafe) var moment = 0
            while true {
                let older = try before(number)
                let kept = scratch.path("kept")
                nonisolated(unsafe) var calls = 0
                var options = later
                options.faults = SyscallFaults { _, _ in
                    if calls == moment {
                        for suffix in ["", ".live", ".new", ".live.new"] {
                            link(path + suffix, kept + suffix)
                        }
                    }
                    calls += 1
                    // A dead recorder makes no calls.
                    return calls > moment ? .fail(EIO) : .pass
                }
                var writer = try? LogWriter(path: path, options: options)
                try? writer?.start()
                writer = nil
                // It has made all its calls.
                if calls <= moment { break }
                for suffix in ["", ".live", ".new", ".live.new"] {
                    unlink(path + suffix)
                    rename(kept + suffix, path + suffix)
                }
                let found = Outcome(path)
                #expect(
                    found.error == nil ? found.events == older || found.events.isEmpty : older == nil,
                    "\(number), \(moment)")
                let next = try LogWriter(path: path, options: .test)
                for event in events { #expect(next.append(event)) }
                next.abandon()
                #expect(Outcome(path).events == events && files() == ["", ".live"], "\(number), \(moment)")
                moment += 1
            }
            #expect(moment > 20)
        }
    }

    /// One call fails: the start does too and leaves the older log, or the recording has started.
    @Test func afterAFailureAtEveryCallThereIsTheOlderLogOrTheNewOne() throws {
        let path = scratch.path("run")
        for number in 0..<5 {
            nonisolated(unsafe) var moment = 0
            var starts = 0
            while true {
                let older = try before(number)
                nonisolated(unsafe) var calls = 0
                let isOver = Locked(false)
                var options = later
                options.faults = SyscallFaults { _, _ in
                    if isOver.withLock({ $0 }) { return .pass }
                    defer { calls += 1 }
                    return calls == moment ? .fail(EIO) : .pass
                }
                var started: LogWriter?
                if let writer = try? LogWriter(path: path, options: options) {
                    if (try? writer.start()) != nil { started = writer } else { writer.abandon() }
                }
                isOver.withLock { $0 = true }
                if let started {
                    starts += 1
                    for event in events { #expect(started.append(event)) }
                    #expect(Outcome(path).events == events, "\(number), \(moment)")
                    try started.finish(LogEnd())
                    #expect(Outcome(path).events == events && files() == [""], "\(number), \(moment)")
                } else if let older {
                    #expect(Outcome(path).events == older, "\(number), \(moment)")
                } else {
                    #expect(!Files.exists(path), "\(number), \(moment)")
                }
                // It has made all its calls.
                if calls <= moment { break }
                moment += 1
            }
            #expect(moment > 10 && starts >= 2)
        }
    }

    /// A recorder that started without the second renaming, and died.
    @Test func aLiveFileThatKeptItsFirstNameIsReadAndReplaced() throws {
        let path = scratch.path("run")
        for number in 0..<5 {
            _ = try before(number)
            var options = later
            options.faults = SyscallFaults { call, count in
                call == .rename && count == 1 ? .fail(EIO) : .pass
            }
            let writer = try LogWriter(path: path, options: options)
            try writer.start()
            #expect(writer.remark?.contains(".live.new could not be renamed") == true)
            for event in events { #expect(writer.append(event)) }
            writer.abandon()
            #expect(Outcome(path).events == events && files().contains(".live.new"))
            let next = try LogWriter(path: path, options: .test)
            for event in old { #expect(next.append(event)) }
            try next.finish(LogEnd())
            #expect(Outcome(path).events == old && files() == [""])
        }
    }

    @Test func aFileThatCameSinceTheConfigurationIsNotReplaced() throws {
        let path = scratch.path("run")
        for suffix in ["", ".live"] {
            for number in 0..<3 {
                _ = try before(number)
                let writer = try LogWriter(path: path, options: later)
                unlink(path + suffix)
                Files.write(path + suffix, "my notes\n".utf8)
                do throws(LogError) {
                    try writer.start()
                    Issue.record("started over \(suffix)")
                } catch {
                    #expect(error.code == .lost && error.message.contains(path + suffix))
                }
                writer.abandon()
                #expect(Files.read(path + suffix) == Array("my notes\n".utf8))
                #expect(!files().contains(".new") && !files().contains(".live.new"))
            }
        }
    }

    @Test func aStaleLiveFileOfOtherSegmentsCostsNothing() throws {
        let path = scratch.path("run")
        for first in [256, 1024, 1 << 16, 1 << 20] {
            for second in [256, 1024, 1 << 16] {
                try scratch.diedLog("run", old, LogOptions(segmentSize: first, syncInterval: 0))
                try scratch.diedLog("run", events, LogOptions(segmentSize: second, syncInterval: 0))
                #expect(Outcome(path).error == nil && Outcome(path).events == events, "\(first), \(second)")
            }
        }
    }
}
