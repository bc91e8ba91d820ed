import ArgumentParser
import ReplayTool

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes events for other programs: a trace, network packets, a table.",
        discussion: """
            --perfetto writes a trace for https://ui.perfetto.dev, with a track for each role and device; --pcap \
            the network packets that the guest received, for tcpdump and Wireshark; --csv a table. FILE may be \
            -, standard output.

            Times are virtual: what the instructions took, without the time that the guest slept, which a log doesn't have.

            Examples:
              replay-log export run.log --perfetto run.pftrace
              replay-log export run.log --pcap run.pcap --device net:0
              replay-log export run.log --pcap - | tcpdump -r -
              replay-log export run.log --csv clocks.csv --kind 'CLOCK*' --from 1s --to 2s
            """)

    @Argument(help: "A recording, finished or not, or a log that QEMU wrote.", completion: .file())
    var file: String

    @Option(
        help: ArgumentHelp("Write a trace for Perfetto's viewer.", valueName: "file"), completion: .file())
    var perfetto: String?

    @Option(help: ArgumentHelp("Write the network packets.", valueName: "file"), completion: .file())
    var pcap: String?

    @Option(help: ArgumentHelp("Write a table.", valueName: "file"), completion: .file())
    var csv: String?

    @Flag(help: "Replace files that exist.")
    var force = false

    @OptionGroup var events: EventArguments

    func validate() throws {
        let files = [perfetto, pcap, csv].compactMap { $0 }
        if files.isEmpty { throw ValidationError("give at least one of --perfetto, --pcap, --csv") }
        if Set(files).count < files.count {
            throw ValidationError("each kind of output needs a file of its own")
        }
    }

    func run() throws {
        var options = ExportOptions()
        options.events = events.options
        options.perfetto = perfetto
        options.pcap = pcap
        options.csv = csv
        options.replaces = force
        try CommonArguments.run(json: false) { $0.export(file, options) }
    }
}
