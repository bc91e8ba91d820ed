import ReplayLog
import ReplaySystem

/// Reads a log that QEMU's record/replay wrote: 0xe0200c in both numberings, 0xe0200d, 0xe0200e; with or without
/// an end.
///
/// It needs memory for one window and the longest event, whatever the file's size. The format has no checksums:
/// damage is detected only where the bytes can't be an event.
package final class QEMULogReader {
    /// How a log ends. Known after the last event.
    package enum Ending: Equatable, Sendable {
        /// With an END.
        case whole
        /// After a whole event that isn't END.
        case afterEvent
        /// In one of these ways: the events before those that were read say in which.
        case withoutEnd
        /// Within an event, which begins at this byte.
        case withinEvent(offset: UInt64)
    }

    package let path: String
    package let size: UInt64
    /// As the file has it; 0: its recorder died, or still runs.
    package let version: UInt32
    package let format: QEMUFormat
    /// Nil until ``next(into:)`` has returned false.
    package private(set) var ending: Ending?

    /// The log that it was converted to; nil: it is QEMU's own file.
    private let converted: ConvertedQEMULog?
    private var window: QEMUWindow
    private let measure: QEMUMeasure
    private var index: UInt64 = 0
    private var icount: UInt64 = 0
    private var failure: LogError?
    private var hasEnd = false

    static let headerSize = QEMUHeader.size

    package init(path: String, faults: SyscallFaults? = nil) throws(LogError) {
        let file = try QEMUFile(path: path, system: Syscalls(faults: faults))
        converted = nil
        self.path = path
        size = file.size
        window = try QEMUWindow(file, at: 0)
        let count = Int(clamping: min(size, UInt64(QEMULogReader.headerSize &+ 5)))
        _ = try window.require(count)
        let start = UnsafeRawBufferPointer(start: window.place, count: min(count, window.available))
        guard QEMUHeader.recognises(start) else {
            throw LogError(.notALog, "\(path) is not a log of QEMU's")
        }
        version = BigEndian.uint32(window.place)
        window.advance(QEMULogReader.headerSize)
        let candidates = QEMUFormat.candidates(version: version)
        guard let format = try QEMULogProbe.choose(candidates, version: version, file) else {
            let text = String(version, radix: 16)
            throw LogError(
                .version, "\(path) has QEMU's log version 0x\(text); known are 0xe0200c to 0xe0200e")
        }
        self.format = format
        measure = QEMUMeasure(format)
    }

    /// Reads what ``QEMUConverter`` wrote, with the same results as if it were QEMU's own file. Throws unless it is such
    /// a log.
    package init(converted reader: LogReader) throws(LogError) {
        let converted = try ConvertedQEMULog(reader)
        self.converted = converted
        path = reader.path
        (size, version) = (converted.origin.size, converted.origin.version)
        format = converted.origin.format
        window = try QEMUWindow(nil, at: 0)
        measure = QEMUMeasure(format)
    }

    deinit { measure.deallocate() }

    /// The log that it was converted to.
    package var ownLog: LogReader? { converted?.reader }

    /// Did its recorder end cleanly? Known after the last event.
    package var isClean: Bool { version != QEMUFormat.unfinished && ending == .whole }

    /// Are the events' offsets right? Not after ``enter(atEvent:)``.
    package var knowsOffset: Bool { converted?.knowsOffset ?? true }
    /// The place of the next event in the file.
    package var offset: UInt64 { converted?.offset ?? window.offset }
    /// The number of events so far, and the icount of the last one.
    package var eventCount: UInt64 { index }
    package var lastIcount: UInt64 { icount }

    /// The next event; false at the end, also where the file was cut. Throws at the first byte that can't be an
    /// event, and at each later call.
    package func next(into event: UnsafeMutablePointer<QEMUEvent>) throws(LogError) -> Bool {
        if let converted { return try next(of: converted, into: event) }
        guard let length = try nextLength() else { return false }
        let kind = measure.kind(window.place.load(as: UInt8.self))
        let payload = UnsafeRawBufferPointer(start: window.place + 1, count: length &- 1)
        if kind == .instruction { icount &+= UInt64(BigEndian.uint32(window.place + 1)) }
        if kind == .end { hasEnd = true }
        event.pointee.kind = kind
        event.pointee.icount = icount
        event.pointee.index = index
        event.pointee.offset = window.offset
        event.pointee.payload = payload
        event.pointee.payloads = format.payloads
        index &+= 1
        window.advance(length)
        return true
    }

    private func next(of log: ConvertedQEMULog, into event: UnsafeMutablePointer<QEMUEvent>)
        throws(LogError) -> Bool
    {
        if try log.next(into: event) {
            icount = event.pointee.icount
            index &+= 1
            return true
        }
        end(log)
        return false
    }

    /// Goes to an event of a converted log, without reading those before it. QEMU's own file has no index.
    package func enter(atEvent number: UInt64) throws(LogError) {
        guard let converted else { return }
        try converted.enter(atEvent: number)
        index = number
    }

    private func end(_ log: ConvertedQEMULog) {
        guard log.knowsOffset else {
            ending = log.lastKind == .end ? .whole : .withoutEnd
            return
        }
        ending =
            log.offset < size
            ? .withinEvent(offset: log.offset) : log.lastKind == .end ? .whole : .afterEvent
    }

    /// Reads and checks the rest, of which nobody looks at the events.
    package func skipToEnd() throws(LogError) {
        if let converted {
            let (count, last) = try converted.skipToEnd()
            index &+= count
            icount = max(icount, last)
            return end(converted)
        }
        var event = QEMUEvent()
        while try withUnsafeMutablePointer(to: &event, { place throws(LogError) in try next(into: place) }) {}
    }

    /// Makes the next event whole in memory. Nil at the end.
    @inline(__always)
    private func nextLength() throws(LogError) -> Int? {
        if window.available > 0 && !hasEnd,
            let length = measure.length(window.place, available: window.available), length <= window.available
        {
            return length
        }
        return try nextLengthFromFile()
    }

    @inline(never)
    private func nextLengthFromFile() throws(LogError) -> Int? {
        if let failure { throw failure }
        if ending != nil { return nil }
        guard try window.require(1) else {
            ending = hasEnd ? .whole : .afterEvent
            return nil
        }
        if hasEnd { throw fail("has bytes after its end") }
        while true {
            guard let length = measure.length(window.place, available: window.available) else {
                let number = window.place.load(as: UInt8.self)
                throw fail(
                    format.kind(number).map { "has no valid event of the kind \($0.name)" }
                        ?? "has a byte \(number) where an event must begin")
            }
            if length <= window.available { return length }
            guard try window.require(length) else {
                ending = .withinEvent(offset: window.offset)
                return nil
            }
        }
    }

    private func fail(_ what: String) -> LogError {
        let error = LogError(
            .damaged, "\(path) is damaged: at byte \(window.offset) it \(what) (event \(index))",
            offset: window.offset, eventIndex: index, icount: icount)
        failure = error
        return error
    }
}
