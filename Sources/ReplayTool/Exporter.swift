import ReplayLog

/// An event on its way into a file of another kind.
struct ExportedEvent {
    var shown: ShownEvent
    /// Its virtual time in ns.
    var time: UInt64
    var source: DumpOptions.Device?
    /// The number of the block request that it completes.
    var request: UInt64?
}

/// Writes events as another program expects them.
protocol Exporter: AnyObject {
    var file: ExportFile { get }
    func add(_ event: ExportedEvent) throws(LogError)
}

/// One line for each event, with commas.
final class TableExporter: Exporter {
    let file: ExportFile

    init(_ file: ExportFile) throws(LogError) {
        self.file = file
        try file.write(Array("event,icount,virtual_ns,role,kind,fields,length,hex\r\n".utf8))
    }

    func add(_ event: ExportedEvent) throws(LogError) {
        let shown = event.shown
        let fields = shown.fields.map { "\($0.name)=\($0.value.plain)" }.joined(separator: " ")
        let cells = [
            String(shown.index), String(shown.icount), String(event.time), shown.role ?? "", shown.kind,
            fields,
            shown.bytes.map { String($0.count) } ?? "", shown.bytes.map { Hex.digits($0) } ?? "",
        ]
        try file.write(Array((cells.map(TableExporter.quoted).joined(separator: ",") + "\r\n").utf8))
    }

    /// As RFC 4180 has it. The names of kinds come from the file.
    private static func quoted(_ cell: String) -> String {
        let isPlain = cell.utf8.allSatisfy {
            $0 > 0x1F && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "\"")
        }
        if isPlain { return cell }
        return "\"" + cell.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
            + "\""
    }
}

/// The network packets, as tcpdump and others read them.
final class PacketExporter: Exporter {
    let file: ExportFile
    private(set) var packets: UInt64 = 0
    private static let longest = 1 << 18

    /// The numbers in the header: ns, format 2.4, Ethernet.
    init(_ file: ExportFile) throws(LogError) {
        self.file = file
        var header: [UInt8] = []
        PacketExporter.add(0xA1B2_3C4D, to: &header)
        PacketExporter.add(4 << 16 | 2, to: &header)
        for number in [0, 0, UInt32(PacketExporter.longest), 1] { PacketExporter.add(number, to: &header) }
        try file.write(header)
    }

    func add(_ event: ExportedEvent) throws(LogError) {
        // An empty packet would be an invalid one.
        guard event.source?.class == .net, let packet = event.shown.bytes, !packet.isEmpty else { return }
        packets &+= 1
        let kept = min(packet.count, PacketExporter.longest)
        var header: [UInt8] = []
        for number in [
            event.time / 1_000_000_000, event.time % 1_000_000_000, UInt64(kept), UInt64(packet.count),
        ] {
            PacketExporter.add(UInt32(truncatingIfNeeded: number), to: &header)
        }
        try file.write(header)
        try file.write(UnsafeRawBufferPointer(rebasing: packet.prefix(kept)))
    }

    private static func add(_ number: UInt32, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }
}
