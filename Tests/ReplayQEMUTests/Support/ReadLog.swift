import ReplayLog
import ReplaySystem

@testable import ReplayQEMU

/// All that a log gives, read to its end.
struct ReadLog {
    /// An event that owns its bytes.
    struct OwnEvent: Equatable {
        var kind: QEMUKind
        var icount: UInt64
        var offset: UInt64
        var payload: [UInt8]
    }

    var events: [OwnEvent] = []
    var format: QEMUFormat?
    var ending: QEMULogReader.Ending?
    var isClean = false
    var error: LogError?

    init(_ bytes: [UInt8], see: (QEMUEvent) -> Void = { _ in }) {
        let file = LogFile(bytes)
        self.init(file.path, see: see)
    }

    init(_ path: String, faults: SyscallFaults? = nil, see: (QEMUEvent) -> Void = { _ in }) {
        do throws(LogError) {
            try read(try QEMULogReader(path: path, faults: faults), see: see)
        } catch {
            self.error = error
        }
    }

    /// A log that was converted, from its beginning or from an event on.
    init(converted path: String, from number: UInt64? = nil) {
        do throws(LogError) {
            let reader = try QEMULogReader(converted: LogReader(path: path))
            if let number { try reader.enter(atEvent: number) }
            try read(reader) { _ in }
        } catch {
            self.error = error
        }
    }

    private mutating func read(_ reader: QEMULogReader, see: (QEMUEvent) -> Void) throws(LogError) {
        format = reader.format
        var event = QEMUEvent()
        while try withUnsafeMutablePointer(
            to: &event, { place throws(LogError) in try reader.next(into: place) })
        {
            see(event)
            events.append(
                OwnEvent(
                    kind: event.kind, icount: event.icount, offset: event.offset,
                    payload: Array(event.payload)))
        }
        ending = reader.ending
        isClean = reader.isClean
    }
}
