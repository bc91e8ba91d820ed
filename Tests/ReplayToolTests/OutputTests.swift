import Glibc
import ReplayLog
import TestSupport
import Testing

@testable import ReplayTool

@Suite struct OutputTests {
    /// As a line in red, and as a complaint.
    private func printed(_ text: String, hasColours: Bool) -> String {
        var printed = ""
        let output = ToolOutput(
            print: {
                printed += String(decoding: $0, as: UTF8.self)
                return 0
            }, complain: { printed += $0 }, isTerminal: false, hasColours: hasColours, progress: nil)
        output.line(output.styled(text, .bad))
        output.complain(text)
        return printed
    }

    @Test func noTextControlsATerminal() {
        let text = "a\u{1B}]0;title\u{7}\r\n\u{7F}\u{9B}2J é …"
        let harmless = "a\u{FFFD}]0;title\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}2J é …"
        #expect(printed(text, hasColours: false) == "\(harmless)\n\(harmless)")
        #expect(printed(text, hasColours: true) == "\u{1B}[31m\(harmless)\u{1B}[0m\n\(harmless)")
        #expect(JSONText.text("\u{9B}").line == #""\u009b""#)
    }

    @Test func aFingerprintDoesNotControlATerminal() throws {
        let scratch = Scratch()
        let path = scratch.path("a\u{1B}[31mb")
        let writer = try LogWriter(path: path, options: LogOptions(syncInterval: 0))
        try writer.writeMetadata(
            LogMetadata(fingerprint: [("k\u{1B}c", "v\nstate: fine")], createdNs: 0, shift: 0))
        try writer.finish(LogEnd(cause: 0, exitCode: 0, icount: 0, digest: 0, hasDigest: false))
        let info = ToolRun { $0.info(path) }
        #expect(info.exit == .fine)
        #expect(info.lines.contains("  k\u{FFFD}c = v\u{FFFD}state: fine"))
        #expect(!info.lines.joined().contains("\u{1B}"))
        #expect(ToolRun(json: true) { $0.info(path) }.lines.first?.contains(#""v\nstate: fine""#) == true)
    }

    @Test(arguments: [ENOSPC, EPIPE, EBADF]) func outputThatCanNotBeWrittenIsAnError(_ error: Int32) throws {
        let recording = try Recording()
        var complaints: [String] = []
        let output = ToolOutput(
            print: { _ in error }, complain: { complaints.append($0) }, isTerminal: false, hasColours: false,
            progress: nil)
        let exit = LogTool(output: output, json: false).dump(recording.path, DumpOptions())
        // Whoever closes a pipe or standard output has read enough.
        #expect(exit == (error == ENOSPC ? .unusable : .fine))
        #expect(complaints.count == (error == ENOSPC ? 1 : 0))
    }
}
