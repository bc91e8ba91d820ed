import ArgumentParser
import ReplayTool

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures how fast a log is decoded, verified and converted.",
        discussion: """
            Prints events and megabytes (10^6 bytes) of events in a second of the processor's time: bytes of QEMU's \
            file, or before compression. Only what happens after opening counts; a short log is read several times.

            Example:
              replay-log bench run.log --json
            """)

    @OptionGroup var log: LogArguments

    func run() throws {
        try log.run { $0.bench(log.file) }
    }
}
