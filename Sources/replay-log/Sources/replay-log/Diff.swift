import ArgumentParser
import ReplayTool

struct Diff: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compares two logs of one type: fingerprint, events, end.",
        discussion: """
            Prints the first event that differs with its neighbours, and counts what differs after it. Events \
            correspond if they have the same icount. When a log was recorded doesn't count.

            Exits with 0 if the logs are equal, with 1 if they differ or one of them is damaged.

            Example:
              replay-log diff monday.log tuesday.log --context 10
            """)

    @OptionGroup var common: CommonArguments

    @Option(help: "The number of events to print before and after the first difference.")
    var context = 3

    @Argument(help: "A log.", completion: .file())
    var a: String

    @Argument(help: "A log of the same type.", completion: .file())
    var b: String

    func validate() throws {
        if !(0...1000).contains(context) { throw ValidationError("--context must be from 0 to 1000") }
    }

    func run() throws {
        try common.run { $0.diff(a, b, context: context) }
    }
}
