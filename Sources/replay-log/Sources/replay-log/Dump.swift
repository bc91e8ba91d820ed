import ArgumentParser
import ReplayTool

struct Dump: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints events.",
        discussion: "A place is an icount, or event:N for the number of an event. The last one is included.")

    @OptionGroup var log: LogArguments

    @Option(help: "The first place.", transform: place)
    var from: DumpOptions.Place?

    @Option(help: "The last place.", transform: place)
    var to: DumpOptions.Place?

    @Option(help: "Only this kind; 'CLOCK*' is every kind that begins so. Can be repeated.")
    var kind: [String] = []

    @Option(help: "Only events of this thread: vcpu or io.", transform: thread)
    var role: DumpOptions.Role?

    func run() throws {
        var options = DumpOptions()
        options.from = from
        options.to = to
        options.kinds = kind
        options.role = role
        try log.run { $0.dump(log.file, options) }
    }
    private static func place(_ text: String) throws -> DumpOptions.Place {
        guard let place = DumpOptions.Place(text) else {
            throw ValidationError("\"\(text)\" is not a place; give an icount, or event:N")
        }
        return place
    }

    private static func thread(_ text: String) throws -> DumpOptions.Role {
        guard let role = DumpOptions.Role(rawValue: text) else {
            throw ValidationError("\"\(text)\" is not vcpu or io")
        }
        return role
    }
}
