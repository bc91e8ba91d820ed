import ArgumentParser
import ReplayTool

struct Repair: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes a good log from what is left of a damaged one, and lists what was lost.",
        discussion: """
            Of a recording, TARGET has every event before the damage and every intact chunk after it. Where events \
            are missing it has a gap: dump and stats show it, and a replay stops there with an error that says so. A \
            log of QEMU's has no chunks: TARGET has the events before the damage.

            Exits with 0 if nothing was lost, with 1 if something was.

            Example:
              replay-log repair broken.log good.log
            """)

    @OptionGroup var log: LogArguments

    @Argument(help: "The file to write.", completion: .file())
    var target: String

    @OptionGroup var writing: WritingArguments

    func run() throws {
        try log.run { $0.repair(log.file, to: target, force: writing.force) }
    }
}
