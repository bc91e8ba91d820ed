import ReplayLog
import ReplaySystem

/// Writes the events of a log of QEMU's as a log of this library: ``ConvertedQEMULog`` is the mirror.
package struct QEMUConverter {
    /// By kind: what the log has instead. The upper bit: it has a payload.
    private let kinds: [UInt8]
    private let reader: QEMULogReader

    private static let payload: UInt8 = 0x80

    package init(_ reader: QEMULogReader) {
        self.reader = reader
        kinds = (UInt8(0)..<64).map { number in
            let kind = QEMUKind(rawValue: number)
            guard number < QEMUKind.count else { return 0 }
            let own = QEMUKindTable.number(kind, reader.format.payloads)
            let entry = QEMUKindTable.table.entry(own)
            return entry?.layout.isEmpty ?? true ? own : own | QEMUConverter.payload
        }
    }

    /// Writes all events; `file` is complete then.
    package func convert(to file: NewFile, _ options: LogOptions) throws(LogError) {
        let origin = QEMUOrigin(version: reader.version, format: reader.format, size: reader.size)
        let writer = try EventLogWriter(file, origin.metadata, QEMUKindTable.table, options)
        var end = LogEnd()
        var source = QEMUEvent()
        var event = Event(kind: 0, role: .vcpu, icount: 0, index: 0)
        var place: UInt64 = UInt64(QEMULogReader.headerSize)
        while try withUnsafeMutablePointer(
            to: &source, { source throws(LogError) in try reader.next(into: source) })
        {
            place &+= UInt64(truncatingIfNeeded: source.length)
            let kind = kinds[Int(source.kind.rawValue & 63)]
            if kind & QEMUConverter.payload == 0 {
                try writer.append(kind, source.icount)
                continue
            }
            event.head = kind & ~QEMUConverter.payload
            event.icount = source.icount
            QEMUConverter.fill(&event, source)
            if let cause = source.kind.shutdownNumber { end.cause = UInt32(cause) }
            try writer.append(event)
        }
        end.icount = reader.lastIcount
        end.digest = place
        try writer.finish(end)
    }

    private static func fill(_ event: inout Event, _ source: borrowing QEMUEvent) {
        event.bytes = source.bytes
        switch source.kind {
        case .bottomHalf, .bottomHalfOneshot: event.a = Int64(bitPattern: source.id)
        case .block: (event.a, event.b) = (Int64(bitPattern: source.id), 0)
        case .input: event.bytes = source.payload
        case .charRead: event.a = Int64(source.device)
        case .net: (event.a, event.b) = (Int64(source.device), Int64(source.netFlags))
        case .charWrite: (event.a, event.b) = (Int64(source.result), Int64(source.writtenOffset))
        case .charReadAllError, .random: event.a = Int64(source.result)
        case .audioOut: event.a = Int64(bitPattern: source.samples)
        case .audioIn:
            event.a = Int64(bitPattern: source.samples)
            event.b = Int64(bitPattern: source.writePosition ?? 0)
        case .clockHost, .clockVirtualRT: event.a = source.clockValue
        default: event.a = Int64(source.kind.shutdownNumber ?? 0)
        }
    }
}
