import Testing

@testable import ReplayTool

@Suite struct ProgressTests {
    private final class Terminal {
        var time: UInt64 = 0
        var columns: Int? = 60
        var text = ""
        private(set) lazy var progress = Progress(
            now: { [unowned self] in time }, columns: { [unowned self] in columns },
            write: { [unowned self] in text += $0 })
    }

    @Test func shortWorkShowsNothing() {
        let terminal = Terminal()
        terminal.progress.update(1, of: 10)
        terminal.time = 999_999_999
        terminal.progress.update(9, of: 10)
        terminal.progress.erase()
        #expect(terminal.text == "")
    }

    @Test func longWorkShowsABarUntilItIsErased() {
        let terminal = Terminal()
        terminal.progress.update(0, of: 10)
        terminal.time = 2_000_000_000
        terminal.progress.update(4, of: 10)
        #expect(terminal.text == "\r[================>                       ]  40 %  3 s left\u{1B}[K")
        terminal.text = ""
        // Ten times a second are enough.
        terminal.time += 50_000_000
        terminal.progress.update(5, of: 10)
        #expect(terminal.text == "")
        terminal.progress.erase()
        #expect(terminal.text == "\r\u{1B}[K")
        terminal.text = ""
        terminal.progress.erase()
        #expect(terminal.text == "")
    }

    @Test func withoutATerminalNothingIsShown() {
        let terminal = Terminal()
        terminal.columns = nil
        terminal.progress.update(0, of: 10)
        terminal.time = 5_000_000_000
        terminal.progress.update(5, of: 10)
        terminal.progress.erase()
        #expect(terminal.text == "")
    }

    @Test(arguments: [true, false]) func noBarIsAmongLinesOnATerminal(_ isTerminal: Bool) {
        let terminal = Terminal()
        let output = ToolOutput(
            print: { _ in 0 }, complain: { _ in }, isTerminal: isTerminal, hasColours: false,
            progress: terminal.progress)
        terminal.time = 2_000_000_000
        output.progress(1, of: 2)
        #expect(terminal.text.contains("50 %"))
        output.line("a line")
        output.flush()
        #expect(terminal.text.hasSuffix("\r\u{1B}[K"))
        terminal.text = ""
        terminal.time = 3_000_000_000
        output.progress(1, of: 2)
        #expect(terminal.text.contains("50 %") == !isTerminal)
    }

    /// What a verb shows on a terminal, if each look at the clock finds that a second has passed.
    private func shown(_ verb: (LogTool) -> ToolExit) -> String {
        var (time, text): (UInt64, String) = (0, "")
        let progress = Progress(
            now: {
                time += 1_000_000_000
                return time
            }, columns: { 60 }, write: { text += $0 })
        let output = ToolOutput(
            print: { _ in 0 }, complain: { _ in }, isTerminal: true, hasColours: false, progress: progress)
        #expect(verb(LogTool(output: output, json: false)) == .fine)
        output.flush()
        return text
    }

    @Test func longVerbsShowABarAndEraseIt() throws {
        let (finished, died) = (try Recording(), try Recording(isFinished: false))
        for text in [
            shown { $0.bench(finished.path) }, shown { $0.mergeLive(died.path) },
            shown { $0.comment(finished.path, .add(author: "Ada", text: "slow", tags: [])) },
        ] {
            #expect(text.contains(" %") && text.hasSuffix("\r\u{1B}[K"))
        }
        // Each third of the measurements has its own part of the bar.
        let parts = shown { $0.bench(finished.path) }.split(separator: "%").compactMap { part in
            Int(part.suffix(4).filter(\.isNumber))
        }
        #expect(parts.contains { $0 < 33 } && parts.contains { $0 > 66 } && parts.allSatisfy { $0 <= 100 })
    }

    @Test func theBarFitsIntoAnyTerminal() {
        for columns in [0, 1, 5, 10, 20, 30, 80, 500] {
            for (done, total) in [
                (0, 0), (0, 9), (1, 1000), (5, 9), (9, 9), (10, 9), (1, .max), (.max, .max),
            ]
                as [(UInt64, UInt64)]
            {
                let line = Progress.line(min(done, total), total, .max, columns)
                #expect(line.count <= max(0, columns - 1), "\(line)")
            }
        }
        #expect(Progress.line(9, 9, 5_000_000_000, 80).hasSuffix("] 100 %  0 s left"))
        #expect(Progress.line(1, 2, 7_200_000_000_000, 80).hasSuffix("]  50 %  2 h 0 min left"))
    }
}
