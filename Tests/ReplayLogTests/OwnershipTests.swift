import Glibc
import TestSupport
import Testing

@testable import ReplayLog
@testable import ReplaySystem

/// A recording touches its own files only, and finds them again.
@Suite struct OwnershipTests {
    let scratch = Scratch()
    private let old = TestEvent.script(60, seed: 21)
    private let events = TestEvent.script(60, seed: 22)

    private func refused(_ path: String, _ options: LogOptions = .test) -> LogError? {
        do throws(LogError) {
            _ = try LogWriter(path: path, options: options)
            return nil
        } catch {
            return error
        }
    }

    // MARK: Neighbours

    /// What a user may have under one of the recording's names.
    private enum Neighbour: CaseIterable {
        case text, empty, log, link, danglingLink, fifo, folder
    }

    private func make(_ neighbour: Neighbour, _ path: String) throws {
        unlink(path)
        rmdir(path)
        switch neighbour {
        case .text: Files.write(path, "my notes\n".utf8)
        case .empty: Files.write(path, [])
        case .log: Files.write(path, try #require(Files.read(try scratch.finishedLog("finished", old))))
        case .link:
            Files.write(scratch.path("notes"), "my notes\n".utf8)
            symlink(scratch.path("notes"), path)
        case .danglingLink: symlink(scratch.path("nowhere"), path)
        case .fifo: mkfifo(path, 0o600)
        case .folder: mkdir(path, 0o700)
        }
    }

    private func describe(_ path: String) -> [UInt8] {
        var status = stat()
        guard lstat(path, &status) == 0 else { return [] }
        let kind = Array("\(status.st_mode) \(status.st_ino) \(status.st_size)".utf8)
        return status.st_mode & S_IFMT == S_IFREG ? kind + (Files.read(path) ?? []) : kind
    }

    @Test func whatIsNoFileOfARecordingStaysAsItIs() throws {
        for suffix in ["", ".live", ".new", ".live.new"] {
            for neighbour in Neighbour.allCases {
                // An empty file takes a recording; recorders that were killed leave empty ones of the last two.
                if neighbour == .empty && suffix != ".live" { continue }
                if neighbour == .log && suffix == "" { continue }
                let path = scratch.path("run")
                if !suffix.isEmpty { try scratch.finishedLog("run", old) }
                try make(neighbour, path + suffix)
                let before = (describe(path + suffix), describe(scratch.path("notes")))
                let error = try #require(refused(path), "\(neighbour) \(suffix)")
                #expect(error.code == .notALog && error.message.contains(path + suffix), "\(error)")
                #expect(describe(path + suffix) == before.0, "\(neighbour) \(suffix)")
                #expect(describe(scratch.path("notes")) == before.1, "\(neighbour) \(suffix)")
                #expect(!Files.exists(scratch.path("nowhere")))
                if !suffix.isEmpty { #expect(Outcome(path).events == old && Outcome(path).isFinished) }
                for other in ["", ".live", ".new", ".live.new"] where !suffix.isEmpty && other != suffix {
                    #expect(Files.exists(path + other) == other.isEmpty, "\(neighbour) \(suffix) \(other)")
                }
                unlink(path + suffix)
                rmdir(path + suffix)
            }
        }
    }

    @Test func aFinishedLogNeedsNoLiveFile() throws {
        let path = try scratch.finishedLog("run", old)
        for suffix in [".live", ".new", ".live.new"] {
            for neighbour in Neighbour.allCases {
                try make(neighbour, path + suffix)
                #expect(Outcome(path).events == old && Outcome(path).isFinished, "\(neighbour) \(suffix)")
                unlink(path + suffix)
                rmdir(path + suffix)
            }
        }
    }

    @Test func anEmptyFileTakesARecordingAndKeepsItsPermissions() throws {
        let path = scratch.path("run")
        Files.write(path, [])
        chmod(path, 0o600)
        try scratch.finishedLog("run", events)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(Outcome(path).events == events)
    }

    @Test func anOlderLogIsNotReplacedIfItMayNotBe() throws {
        let path = try scratch.finishedLog("run", old)
        var options = LogOptions.test
        options.replaces = false
        let error = try #require(refused(path, options))
        #expect(error.code == .exists && error.message.contains("rroverwrite"))
        #expect(Outcome(path).events == old)
        let writer = try LogWriter(path: scratch.path("next"), options: options)
        try writer.finish(LogEnd())
    }

    // MARK: Owners

    @Test func aRecorderIsRefusedWhateverNameLeadsToTheLog() throws {
        let path = scratch.path("run")
        let writer = try LogWriter(path: path, options: .test)
        link(path, scratch.path("hard"))
        symlink(path, scratch.path("symbolic"))
        for event in events {
            #expect(writer.append(event))
            #expect(refused(path)?.code == .busy)
            #expect(refused(scratch.path("hard"))?.code == .busy)
            #expect(refused(scratch.path("symbolic"))?.code == .notALog)
        }
        try writer.finish(LogEnd())
        #expect(Outcome(path).events == events && Outcome(scratch.path("hard")).events == events)
        #expect(Outcome(scratch.path("symbolic")).events == events)
    }

    @Test func aLogThatIsReadIsNotReplaced() throws {
        let path = try scratch.finishedLog("run", old)
        try read(path) {
            #expect(refused(path)?.code == .busy)
            #expect(Outcome(path).events == old)
        }
        try scratch.finishedLog("run", events)
        #expect(Outcome(path).events == events)
    }

    private func read(_ path: String, _ body: () -> Void) throws {
        let reader = try LogReader(path: path)
        body()
        #expect(reader.readAll().events == old)
    }

    @Test func aDiedLogIsReadWholeThroughALink() throws {
        symlink(try scratch.diedLog("run", old), scratch.path("symbolic"))
        #expect(Outcome(scratch.path("symbolic")).events == old)
        #expect(Outcome(scratch.path("symbolic")).hasDied)
    }

    // MARK: What others do meanwhile

    private func finished(_ options: LogOptions = .test, _ meanwhile: (String) -> Void) -> (
        error: LogError?, remark: String?
    ) {
        let path = scratch.path("run")
        do throws(LogError) {
            let writer = try LogWriter(path: path, options: options)
            try writer.writeMetadata(.test)
            for (number, event) in events.enumerated() {
                if number == events.count / 2 { meanwhile(path) }
                if !writer.append(event) { break }
            }
            do throws(LogError) { try writer.finish(LogEnd()) } catch { return (error, writer.remark) }
            return (nil, writer.remark)
        } catch {
            Issue.record("\(error)")
            return (error, nil)
        }
    }

    @Test func aLogThatIsGoneAtTheEndIsReported() throws {
        for size in [256, 1 << 20] {
            let options = LogOptions(segmentSize: size, syncInterval: 0)
            let cases: [(String, (String) -> Void)] = [
                ("removed", { unlink($0) }),
                ("renamed", { rename($0, $0 + ".moved") }),
                ("emptied", { truncate($0, 0) }),
                ("cut", { truncate($0, 100) }),
                ("written over", { Files.write($0, "text\n".utf8) }),
                ("overwritten", { Files.poke($0, 3, 1) }),
                ("longer", { truncate($0, 1 << 20) }),
                (
                    "replaced",
                    {
                        unlink($0)
                        Files.write($0, "text\n".utf8)
                    }
                ),
            ]
            for (name, change) in cases {
                let result = finished(options, change)
                #expect(result.error?.code == .lost, "\(name): \(String(describing: result.error))")
                #expect(result.error?.message.contains(scratch.path("run")) == true)
                if name == "renamed" {
                    #expect(Outcome(scratch.path("run.moved")).events == events)
                    #expect(!Files.exists(scratch.path("run.live")))
                }
                if name == "replaced" {
                    #expect(Files.read(scratch.path("run")) == Array("text\n".utf8))
                }
                for file in ["run", "run.live", "run.moved"] { unlink(scratch.path(file)) }
            }
        }
    }

    @Test func aLiveFileThatIsGoneAtTheEndIsOnlyRemarked() throws {
        let removed = finished { unlink($0 + ".live") }
        #expect(removed.error == nil && removed.remark?.contains("run.live was removed") == true)
        #expect(Outcome(scratch.path("run")).events == events)
        let replaced = finished {
            unlink($0 + ".live")
            Files.write($0 + ".live", "my notes\n".utf8)
        }
        #expect(replaced.error == nil && replaced.remark?.contains("left alone") == true)
        #expect(Files.read(scratch.path("run.live")) == Array("my notes\n".utf8))
        #expect(Outcome(scratch.path("run")).events == events)
    }

    @Test func aLiveFileThatCantBeRemovedIsMadeSmallAndTakenByTheNext() throws {
        var options = LogOptions.test
        options.faults = SyscallFaults { call, _ in call == .unlink ? .fail(EACCES) : .pass }
        let result = finished(options) { _ in }
        #expect(result.error == nil && result.remark?.contains("could not be removed") == true)
        #expect(Files.read(scratch.path("run.live"))?.count == LiveLayout.headerSize)
        #expect(Outcome(scratch.path("run")).isFinished)
        #expect(finished { _ in }.error == nil)
        #expect(!Files.exists(scratch.path("run.live")))
    }

    @Test func aLiveFileThatIsCutEndsTheLogAndNotTheProcess() throws {
        for size in [256, 1 << 16] {
            for cut in [0, 4096, 5000] {
                let path = scratch.path("run")
                let writer = try LogWriter(
                    path: path, options: LogOptions(segmentSize: size, syncInterval: 0))
                try writer.writeMetadata(.test)
                for event in events { #expect(writer.append(event)) }
                truncate(path + ".live", cut)
                var count: UInt64 = 0
                while writer.append(.random, .io, 1 << 40, 1) && count < 100_000 { count += 1 }
                #expect(count < 100_000 && writer.failure?.code == .lost, "\(size), cut to \(cut)")
                do throws(LogError) {
                    try writer.finish(LogEnd())
                    Issue.record("finished")
                } catch {
                    #expect(error.code == .lost && error.message.contains("run.live was truncated"))
                }
                let outcome = Outcome(path)
                #expect(outcome.events == Array(events.prefix(outcome.events.count)))
            }
        }
    }
}
