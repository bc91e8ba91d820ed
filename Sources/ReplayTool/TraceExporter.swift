import ReplayLog
import ReplayQEMU

/// A trace in Perfetto's format: a track for each role and device, an instant for each event.
///
/// A log has no event where a guest submits a block request, only its completion. But requests are numbered in the
/// order of submission: when one completes, all with lower numbers have been submitted. So a request that others
/// overtake has an instant where that shows, and a flow from there to its completion.
final class TraceExporter: Exporter {
    let file: ExportFile
    private var tracks: [String: UInt64] = [:]
    private var names: [String: UInt64] = [:]
    private var fieldNames: [String: UInt64] = [:]
    /// Names that the next packet introduces.
    private var introduced = ProtobufMessage()
    /// The numbers of the requests that are known to be under way, and the number after the highest one seen.
    private var underWay: Set<UInt64> = []
    private var nextRequest: UInt64?
    /// A file can have any numbers.
    private static let mostUnderWay = 4096
    private static let mostTracks = 1024
    private static let rest = "other devices"

    /// The numbers of messages' fields and of values in the published schema.
    private enum Field {
        static let packet: UInt32 = 1
        static let timestamp: UInt32 = 8
        static let sequence: UInt32 = 10
        static let event: UInt32 = 11
        static let interned: UInt32 = 12
        static let sequenceFlags: UInt32 = 13
        static let descriptor: UInt32 = 60
        static let internedEventNames: UInt32 = 2
        static let internedFieldNames: UInt32 = 3
    }
    private static let machine: UInt64 = 1

    init(_ file: ExportFile, _ path: String) throws(LogError) {
        self.file = file
        var process = ProtobufMessage()
        process.add(1, number: 1)
        process.add(6, text: path)
        var track = ProtobufMessage()
        track.add(1, number: TraceExporter.machine)
        track.add(3, process)
        var packet = ProtobufMessage()
        // The incremental state begins here.
        packet.add(Field.sequenceFlags, number: 1)
        packet.add(Field.descriptor, track)
        try write(packet)
    }

    func add(_ event: ExportedEvent) throws(LogError) {
        let shown = event.shown
        // QEMU's logs count with it; nothing happens there.
        if shown.kind == QEMUKind.instruction.name { return }
        let track = try track(of: event)
        var message = instant(on: track, shown.kind)
        annotate(&message, "event", .unsigned(shown.index))
        annotate(&message, "icount", .unsigned(shown.icount))
        if let role = shown.role { annotate(&message, "role", .text(role)) }
        for (name, value) in shown.fields { annotate(&message, name, value) }
        if let bytes = shown.bytes {
            annotate(&message, "length", .count(bytes.count))
            annotate(&message, "text", .text(Hex.text(bytes.prefix(64))))
        }
        if let request = event.request {
            try announce(requestsBefore: request, event.time, track)
            if underWay.remove(request) != nil { message.add(48, fixed: TraceExporter.flow(request)) }
        }
        try write(message, event.time)
    }

    // MARK: Requests

    private func announce(requestsBefore request: UInt64, _ time: UInt64, _ track: UInt64) throws(LogError) {
        let first = nextRequest ?? request
        guard request >= first else { return }
        nextRequest = request &+ 1
        for number in max(first, request > 4096 ? request &- 4096 : 0)..<request
        where underWay.count < TraceExporter.mostUnderWay {
            underWay.insert(number)
            var message = instant(on: track, "request under way")
            annotate(&message, "request", .unsigned(number))
            message.add(47, fixed: TraceExporter.flow(number))
            try write(message, time)
        }
    }

    private static func flow(_ request: UInt64) -> UInt64 { request &+ 1 }

    // MARK: Tracks

    private func track(of event: ExportedEvent) throws(LogError) -> UInt64 {
        if let source = event.source, let `class` = source.class {
            return try track("\(`class`.rawValue) \(source.number)", isThread: false)
        }
        if event.request != nil { return try track("block", isThread: false) }
        return try track(event.shown.role ?? "events", isThread: true)
    }

    private func track(_ name: String, isThread: Bool) throws(LogError) -> UInt64 {
        if let track = tracks[name] { return track }
        if tracks.count >= TraceExporter.mostTracks && name != TraceExporter.rest {
            return try track(TraceExporter.rest, isThread: false)
        }
        let number = UInt64(tracks.count) &+ 2
        tracks[name] = number
        var track = ProtobufMessage()
        track.add(1, number: number)
        if isThread {
            var thread = ProtobufMessage()
            thread.add(1, number: 1)
            thread.add(2, number: number)
            thread.add(5, text: name)
            track.add(4, thread)
        } else {
            track.add(2, text: name)
            track.add(5, number: TraceExporter.machine)
        }
        var packet = ProtobufMessage()
        packet.add(Field.descriptor, track)
        try write(packet)
        return number
    }

    // MARK: Messages

    private func instant(on track: UInt64, _ name: String) -> ProtobufMessage {
        var message = ProtobufMessage()
        message.add(9, number: 3)
        message.add(11, number: track)
        message.add(10, number: number(of: name, in: &names, Field.internedEventNames))
        return message
    }

    private func annotate(_ event: inout ProtobufMessage, _ name: String, _ value: JSONText) {
        var annotation = ProtobufMessage()
        annotation.add(1, number: number(of: name, in: &fieldNames, Field.internedFieldNames))
        switch value {
        case .bool(let value): annotation.add(2, number: value ? 1 : 0)
        case .unsigned(let value): annotation.add(3, number: value)
        case .signed(let value): annotation.add(4, signed: value)
        default: annotation.add(6, text: value.plain)
        }
        event.add(4, annotation)
    }

    /// Introduces the name if it is new.
    private func number(of name: String, in known: inout [String: UInt64], _ field: UInt32) -> UInt64 {
        if let number = known[name] { return number }
        let number = UInt64(known.count) &+ 1
        known[name] = number
        var entry = ProtobufMessage()
        entry.add(1, number: number)
        entry.add(2, text: name)
        introduced.add(field, entry)
        return number
    }

    private func write(_ event: ProtobufMessage, _ time: UInt64) throws(LogError) {
        var packet = ProtobufMessage()
        packet.add(Field.timestamp, number: time)
        // It needs the names that earlier packets introduced.
        packet.add(Field.sequenceFlags, number: 2)
        if !introduced.bytes.isEmpty {
            packet.add(Field.interned, introduced)
            introduced = ProtobufMessage()
        }
        packet.add(Field.event, event)
        try write(packet)
    }

    private func write(_ packet: ProtobufMessage) throws(LogError) {
        var packet = packet
        packet.add(Field.sequence, number: 1)
        var trace = ProtobufMessage()
        trace.add(Field.packet, packet)
        try file.write(trace.bytes)
    }
}
