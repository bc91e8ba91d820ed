import ArgumentParser
import ReplayTool

struct Comment: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes comments into a recording, lists or removes them.",
        discussion: """
            A replay doesn't compare comments, and the recording before them stays the same byte for byte. The log gets \
            its comments in a new file with its name, so a crash loses nothing. Only a log with an end can have them. \
            info shows them too.

            Examples:
              replay-log comment run.log --author Ada --text 'the disk is lost here' --tag bug --tag disk
              replay-log comment run.log --list
              replay-log comment run.log --remove 2
            """)

    @OptionGroup var common: CommonArguments

    @Option(help: "Who writes the comment.")
    var author: String?

    @Option(help: "The comment.")
    var text: String?

    @Option(help: "A tag of the comment. Can be repeated.")
    var tag: [String] = []

    @Flag(help: "List the comments.")
    var list = false

    @Option(help: "Remove the comment with this number.")
    var remove: Int?

    @Argument(help: "A recording that has its end.", completion: .file())
    var file: String

    func validate() throws {
        let actions = [list, remove != nil, text != nil].filter { $0 }.count
        if actions != 1 { throw ValidationError("give one of --text, --list and --remove") }
        if text != nil && (author ?? "").isEmpty { throw ValidationError("--text needs --author") }
        if text == nil && (author != nil || !tag.isEmpty) {
            throw ValidationError("--author and --tag belong to --text")
        }
        if text == "" || tag.contains("") { throw ValidationError("a comment or tag can't be empty") }
    }

    func run() throws {
        let action: LogTool.CommentAction =
            if let text {
                .add(author: author ?? "", text: text, tags: tag)
            } else if let remove {
                .remove(remove)
            } else {
                .list
            }
        try common.run { $0.comment(file, action) }
    }
}
