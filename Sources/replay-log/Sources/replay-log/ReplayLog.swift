import ArgumentParser
import Glibc
import ReplayTool

@main struct ReplayLog: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay-log",
        abstract: "Shows and checks recordings of libreplay, and logs of QEMU's record/replay.",
        discussion: """
            A file is a recording in any state, finished, still being recorded, left by a recorder that was killed, \
            or cut, or a log of QEMU's. Only merge-live and comment change it. \
            Exit codes: 0 fine, 1 different, damaged or incomplete, 2 wrong usage or a file that can't be opened.

            Examples:
              replay-log info run.log
              replay-log dump run.log --kind 'CLOCK*' --from 2.5s
              replay-log stats run.log --svg run.svg
              replay-log verify run.log && echo intact
              replay-log help dump
            """,
        version: "replay-log (libreplay) \(ToolVersion.text)",
        subcommands: [
            Info.self,
            Dump.self,
            Stats.self,
            Verify.self,
            Convert.self,
            Bench.self,
            Diff.self,
            Cut.self,
            Export.self,
            Repair.self,
            MergeLive.self,
            Comment.self,
        ])

    /// As ArgumentParser's own, except for the exit code of wrong usage.
    static func main() {
        ToolSignals.removeUnfinishedFiles()
        do {
            let arguments = CommandArguments.all
            if arguments.count == 2, arguments[0] == "help", arguments[1] != "help",
                !arguments[1].hasPrefix("-"),
                !configuration.subcommands.contains(where: { $0._commandName == arguments[1] })
            {
                throw ValidationError("there is no verb \"\(arguments[1])\"; replay-log help lists them")
            }
            var command = try parseAsRoot(arguments)
            try command.run()
        } catch {
            let code = exitCode(for: error)
            let message = fullMessage(for: error)
            if !message.isEmpty {
                let line = message + "\n"
                _ = write(code.isSuccess ? 1 : 2, line, line.utf8.count)
            }
            Glibc.exit(code == .validationFailure ? ToolExit.unusable.rawValue : code.rawValue)
        }
    }
}

/// What every verb has.
struct CommonArguments: ParsableArguments {
    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var colour: ColourArguments

    func run(_ verb: (LogTool) -> ToolExit) throws {
        try CommonArguments.run(json: json, colour: colour.color, verb)
    }

    static func run(json: Bool, colour: ColourChoice = .auto, _ verb: (LogTool) -> ToolExit) throws {
        let output = ToolOutput.standard(colour: colour)
        let exit = verb(LogTool(output: output, json: json))
        output.flush()
        throw ExitCode(exit.rawValue)
    }
}

struct ColourArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Colours: auto (on a terminal, unless NO_COLOR is set), always or never.", valueName: "when"),
        completion: .list(Choice.names(ColourChoice.self)), transform: Choice.parse)
    var color = ColourChoice.auto
}

/// What every verb has that reads one log.
struct LogArguments: ParsableArguments {
    @OptionGroup var common: CommonArguments

    @Argument(help: "A recording, finished or not, or a log that QEMU wrote.", completion: .file())
    var file: String

    func run(_ verb: (LogTool) -> ToolExit) throws { try common.run(verb) }
}

/// What every verb has that writes a file.
struct WritingArguments: ParsableArguments {
    @Flag(help: "Replace a file that exists.")
    var force = false
}

struct Info: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "State, cause of the end, icount, size, snapshots and fingerprint.",
        discussion: """
            The virtual time is what the instructions took, without the time that the guest slept, which a log doesn't have.

            Examples:
              replay-log info run.log
              replay-log info run.log --json | jq .state
            """)

    @OptionGroup var log: LogArguments

    func run() throws {
        try log.run { $0.info(log.file) }
    }
}

struct Stats: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The number of events of each kind, and their bytes.",
        discussion: """
            Examples:
              replay-log stats run.log
              replay-log stats run.log --json | jq .counts
              replay-log stats run.log --svg run.svg
            """)

    @OptionGroup var log: LogArguments

    @Option(
        help: ArgumentHelp("Draw events and bytes over icount and by kind.", valueName: "file"),
        completion: .file())
    var svg: String?

    @Flag(help: "Replace a file that exists.")
    var force = false

    func run() throws {
        try log.run { $0.stats(log.file, svg: svg, replaces: force) }
    }
}

struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Reads everything, and finds damage.",
        discussion: """
            Exits with 1 if the log is damaged or has no end. A log that is still being recorded is fine.

            Examples:
              replay-log verify run.log && echo intact
              replay-log verify killed.log --accept-unfinished
            """)

    @OptionGroup var log: LogArguments

    @Flag(help: "Accept a log without an end whose events are all good and complete.")
    var acceptUnfinished = false

    func run() throws {
        try log.run { $0.verify(log.file, unfinishedIsFine: acceptUnfinished) }
    }
}
