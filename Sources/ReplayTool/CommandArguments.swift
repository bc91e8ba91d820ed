import ReplaySystem

/// The arguments of the process. Names of files needn't be UTF-8, which Swift's own list of them can't hold.
public enum CommandArguments {
    /// Without the name of the program.
    public static var all: [String] {
        (1..<max(1, Int(CommandLine.argc))).compactMap { number in
            CommandLine.unsafeArgv[number].map { String(fileName: $0) }
        }
    }
}
