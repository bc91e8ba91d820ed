import ReplayLog
import ReplaySystem

/// A log of QEMU's that was converted: gives the events as QEMU's log had them, each byte of them.
final class ConvertedQEMULog {
    let reader: LogReader
    let origin: QEMUOrigin
    /// Where the next event was in QEMU's log.
    private(set) var offset = UInt64(QEMULogReader.headerSize)
    /// Is that known? Only if all events before it were read.
    private(set) var knowsOffset = true
    private(set) var lastKind: QEMUKind?
    private var event = Event(kind: 0, role: .vcpu, icount: 0, index: 0)
    private let buffer = RawBuffer()

    /// The longest payload without bytes.
    private static let longestHead = 32

    /// Throws unless the log was converted from one of QEMU's.
    init(_ reader: LogReader) throws(LogError) {
        guard let origin = QEMUOrigin(reader.metadata), reader.kinds.entries == QEMUKindTable.table.entries
        else {
            throw LogError(
                .version, "\(reader.path) was converted from a log that this version doesn't know")
        }
        self.reader = reader
        self.origin = origin
        // A repaired one says so itself.
        reader.onGap = { _ in }
        guard buffer.reserve(1 << 12) else { throw LogError.system(.noMemory, "read", reader.path) }
    }

    /// Goes to an event through the index.
    func enter(atEvent number: UInt64) throws(LogError) {
        try reader.seek(toEvent: number)
        // An INSTRUCTION counts from the event before it.
        event.icount = reader.decoder.pointee.icount
        knowsOffset = false
    }

    /// False at the end.
    func next(into target: UnsafeMutablePointer<QEMUEvent>) throws(LogError) -> Bool {
        let last = event.icount
        let more = try withUnsafeMutablePointer(to: &event) { event throws(LogError) in
            try reader.next(into: event)
        }
        guard more else { return false }
        let kind = ConvertedQEMULog.kind(event)
        var count = 0
        if let start = try room() {
            count = fill(start, kind, event.icount &- last)
            target.pointee.payload = UnsafeRawBufferPointer(start: start, count: count)
        }
        target.pointee.kind = kind
        target.pointee.icount = event.icount
        target.pointee.index = event.index
        target.pointee.offset = offset
        target.pointee.payloads = origin.format.payloads
        offset &+= UInt64(truncatingIfNeeded: count) &+ 1
        lastKind = kind
        return true
    }

    /// Goes on to the end, without the payloads: for whoever counts and checks only. Returns the last icount.
    func skipToEnd() throws(LogError) -> (events: UInt64, icount: UInt64) {
        // By kind: the bytes in QEMU's log besides an array's own, and whether there are any.
        let lengths = (UInt8(0)..<64).map { ConvertedQEMULog.length($0) }
        var count: UInt64 = 0
        while try withUnsafeMutablePointer(
            to: &event, { event throws(LogError) in try reader.next(into: event) })
        {
            let (length, hasBytes) = lengths[Int(event.kind & 63)]
            offset &+= length &+ (hasBytes ? UInt64(truncatingIfNeeded: event.bytes.count) : 0)
            count &+= 1
        }
        if count > 0 { lastKind = ConvertedQEMULog.kind(event) }
        return (count, event.icount)
    }

    /// Of an event of this kind in QEMU's log, with the byte of the kind.
    private static func length(_ kind: UInt8) -> (UInt64, hasBytes: Bool) {
        switch kind {
        case QEMUKindTable.instruction, EventKind.charReadAllError.rawValue: (5, false)
        case QEMUKindTable.input: (1, true)
        case EventKind.bottomHalf.rawValue, EventKind.bottomHalfOneshot.rawValue, EventKind.block.rawValue,
            EventKind.charWrite.rawValue, EventKind.audioOut.rawValue, EventKind.clockHost.rawValue,
            EventKind.clockVirtualRT.rawValue:
            (9, false)
        case EventKind.charRead.rawValue: (6, true)
        case EventKind.net.rawValue: (10, true)
        case EventKind.charReadAll.rawValue: (5, true)
        case EventKind.random.rawValue, EventKind.audioIn.rawValue: (9, true)
        case EventKind.audioInAt.rawValue: (17, true)
        default: (1, false)
        }
    }

    private func room() throws(LogError) -> UnsafeMutableRawPointer? {
        guard buffer.reserve(ConvertedQEMULog.longestHead &+ event.bytes.count) else {
            throw LogError.system(.noMemory, "read", reader.path)
        }
        return buffer.start
    }

    private static func kind(_ event: borrowing Event) -> QEMUKind {
        switch event.kind {
        case QEMUKindTable.instruction: .instruction
        case QEMUKindTable.input: .input
        case QEMUKindTable.end: .end
        case EventKind.interrupt.rawValue: .interrupt
        case EventKind.exception.rawValue: .exception
        case EventKind.bottomHalf.rawValue: .bottomHalf
        case EventKind.bottomHalfOneshot.rawValue: .bottomHalfOneshot
        case EventKind.inputSync.rawValue: .inputSync
        case EventKind.charRead.rawValue: .charRead
        case EventKind.block.rawValue: .block
        case EventKind.net.rawValue: .net
        case EventKind.charWrite.rawValue: .charWrite
        case EventKind.charReadAll.rawValue: .charReadAll
        case EventKind.charReadAllError.rawValue: .charReadAllError
        case EventKind.audioOut.rawValue: .audioOut
        case EventKind.audioIn.rawValue, EventKind.audioInAt.rawValue: .audioIn
        case EventKind.random.rawValue: .random
        case EventKind.clockHost.rawValue: .clockHost
        case EventKind.clockVirtualRT.rawValue: .clockVirtualRT
        case EventKind.shutdown.rawValue:
            QEMUKind(rawValue: 10 &+ UInt8(truncatingIfNeeded: min(max(event.a, 0), 10)))
        default: QEMUKind(rawValue: event.kind &- EventKind.checkpointClockWarpStart.rawValue &+ 30)
        }
    }

    /// Writes the payload as QEMU does; returns its length.
    private func fill(_ start: UnsafeMutableRawPointer, _ kind: QEMUKind, _ steps: UInt64) -> Int {
        var writer = BigEndianWriter(start: start)
        switch kind {
        case .instruction: writer.write(UInt32(truncatingIfNeeded: steps))
        case .bottomHalf, .bottomHalfOneshot, .block, .audioOut, .clockHost, .clockVirtualRT:
            writer.write(event.a)
        case .charWrite:
            writer.write(Int32(truncatingIfNeeded: event.a))
            writer.write(Int32(truncatingIfNeeded: event.b))
        case .charReadAllError: writer.write(Int32(truncatingIfNeeded: event.a))
        case .input: writer.write(event.bytes)
        case .charRead:
            writer.write(UInt8(truncatingIfNeeded: event.a))
            writer.writeArray(event.bytes)
        case .net:
            writer.write(UInt8(truncatingIfNeeded: event.a))
            writer.write(UInt32(truncatingIfNeeded: event.b))
            writer.writeArray(event.bytes)
        case .charReadAll: writer.writeArray(event.bytes)
        case .random:
            writer.write(Int32(truncatingIfNeeded: event.a))
            writer.writeArray(event.bytes)
        case .audioIn:
            writer.write(event.a)
            if event.kind == EventKind.audioInAt.rawValue { writer.write(event.b) }
            writer.write(event.bytes)
        default: break
        }
        return writer.count
    }
}

/// Numbers and bytes as QEMU's logs have them. There must be room.
private struct BigEndianWriter {
    let start: UnsafeMutableRawPointer
    private(set) var count = 0

    init(start: UnsafeMutableRawPointer) {
        self.start = start
    }

    mutating func write<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number) {
        start.storeBytes(of: number.bigEndian, toByteOffset: count, as: Number.self)
        count &+= MemoryLayout<Number>.size
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        if let source = bytes.baseAddress { (start + count).copyMemory(from: source, byteCount: bytes.count) }
        count &+= bytes.count
    }

    mutating func writeArray(_ bytes: UnsafeRawBufferPointer) {
        write(UInt32(truncatingIfNeeded: bytes.count))
        write(bytes)
    }
}
