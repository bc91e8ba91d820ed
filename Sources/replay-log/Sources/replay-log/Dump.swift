import ArgumentParser
import ReplayTool

struct Dump: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints events.",
        discussion: """
            A place is an icount (1000), the number of an event (event:12), or a virtual time (2.5s, 10ms), in \
            which the time that the guest slept isn't counted.

            Examples:
              replay-log dump run.log --from 1000 --to 2000
              replay-log dump run.log --from 2.5s --kind 'CLOCK*' --role vcpu
              replay-log dump run.log --kind CHAR_READ --device char:0 --payload text
              replay-log dump run.log --follow --json
            """)

    @OptionGroup var log: LogArguments
    @OptionGroup var events: EventArguments

    @Option(
        help: ArgumentHelp("How to print the bytes of an event: both, hex, text, none.", valueName: "form"),
        completion: .list(Choice.names(DumpOptions.Payload.self)), transform: Choice.parse)
    var payload = DumpOptions.Payload.both

    @Flag(help: "Wait for new events until the recorder ends. Ctrl-C ends it.")
    var follow = false

    func run() throws {
        var options = events.options
        options.payload = payload
        options.follows = follow
        try log.run { $0.dump(log.file, options) }
    }
}
