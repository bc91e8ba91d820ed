import ArgumentParser
import ReplayTool

struct MergeLive: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge-live",
        abstract: "Makes one file of what a killed recorder left behind.",
        discussion: """
            A recorder that is killed leaves FILE and FILE.live. Both together can be read and replayed, but a copy of \
            FILE alone lacks the last events. This verb writes all events to a new file, which says that its recorder \
            died, gives it the name FILE, and removes FILE.live. Refuses while a recorder runs.

            Example:
              replay-log merge-live killed.log
            """)

    @OptionGroup var common: CommonArguments

    @Argument(help: "A recording whose recorder died.", completion: .file())
    var file: String

    func run() throws {
        try common.run { $0.mergeLive(file) }
    }
}
