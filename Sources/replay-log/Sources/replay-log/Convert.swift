import ArgumentParser
import ReplayTool

struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes a log with the same events in the newest format, and smaller.",
        discussion: """
            Of a log of QEMU's, TARGET has every event and every payload unchanged: all verbs print the same of \
            both. It can't be replayed by this library. A recording of an older format becomes one of the newest, \
            which is replayed as before.

            Examples:
              replay-log convert replay.bin replay.log
              replay-log convert run.log archived.log --level 19
            """)

    @OptionGroup var log: LogArguments

    @Argument(help: "The file to write.", completion: .file())
    var target: String

    @Flag(help: "Store the events as they are.")
    var uncompressed = false

    @Option(
        help: ArgumentHelp(
            "How hard to compress, from 1 to 22. (default: \(ConvertOptions.usualLevel))", valueName: "n"),
        completion: .list([]))
    var level: Int?

    @OptionGroup var writing: WritingArguments

    func validate() throws {
        if let level, !ConvertOptions.levels.contains(level) {
            throw ValidationError(
                "--level must be from \(ConvertOptions.levels.lowerBound) to \(ConvertOptions.levels.upperBound)"
            )
        }
        if uncompressed && level != nil {
            throw ValidationError("--level and --uncompressed exclude each other")
        }
    }

    func run() throws {
        var options = ConvertOptions()
        options.uncompressed = uncompressed
        options.level = level ?? ConvertOptions.usualLevel
        options.force = writing.force
        try log.run { $0.convert(log.file, to: target, options) }
    }
}
