import ArgumentParser
import ReplayTool

struct Cut: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes a part of a recording, which can be replayed.",
        discussion: """
            The part begins where the recording begins, or at one of the snapshots in FILE.snap: TARGET.snap gets it \
            and those after it. A place is as for dump. Without --from and --to \
            this copies what a recorder with rrlast has kept, without the holes in the file.

            Examples:
              replay-log cut --from 5000000 run.log part.log
              replay-log cut --to 2.5s run.log beginning.log
            """)

    @OptionGroup var log: LogArguments

    @Argument(help: "The file to write.", completion: .file())
    var target: String

    @Option(help: "Where the part begins: at a snapshot.", transform: LogPlace.parse)
    var from: LogPlace?

    @Option(help: "The part ends after the last event at this place or before.", transform: LogPlace.parse)
    var to: LogPlace?

    @Flag(help: "Replace files that exist.")
    var force = false

    func run() throws {
        var options = CutOptions()
        options.from = from
        options.to = to
        options.force = force
        try log.run { $0.cut(log.file, to: target, options) }
    }
}
