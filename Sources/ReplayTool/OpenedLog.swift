import Glibc
import ReplayLog
import ReplayQEMU
import ReplaySystem

/// A log of this library, or one that QEMU wrote.
enum OpenedLog {
    case own(LogReader)
    case qemu(QEMULogReader)

    init(path: String) throws(LogError) {
        if OpenedLog.isQEMU(path) {
            self = .qemu(try QEMULogReader(path: path))
            return
        }
        let reader = try LogReader(path: path)
        self = reader.metadata.isConverted ? .qemu(try QEMULogReader(converted: reader)) : .own(reader)
    }

    var path: String {
        switch self {
        case .own(let reader): reader.path
        case .qemu(let reader): reader.path
        }
    }

    /// Of a log of QEMU's after the last event.
    var completeness: Completeness {
        switch self {
        case .own(let reader): reader.completeness
        case .qemu(let reader): reader.completeness
        }
    }

    var isOwn: Bool {
        if case .own = self { return true }
        return false
    }

    /// Looks at the first bytes. A file that can't be read is left to the reader of logs, which says why.
    static func isQEMU(_ path: String) -> Bool {
        let system = Syscalls()
        guard case .success(let descriptor) = system.open(path, O_RDONLY | O_NONBLOCK) else { return false }
        defer { system.close(descriptor) }
        guard case .success(let status) = system.status(descriptor), status.st_mode & S_IFMT == S_IFREG else {
            return false
        }
        let bytes = withUnsafeTemporaryAllocation(byteCount: 17, alignment: 8) { buffer -> [UInt8] in
            guard case .success(let count) = system.read(descriptor, into: buffer, at: 0) else { return [] }
            return Array(buffer.prefix(count))
        }
        return QEMUHeader.recognises(bytes)
    }
}

/// How much of a log there is.
enum Completeness: Equatable {
    case finished
    case running
    /// It has no end; one sentence says why.
    case died(String)
    /// It ends early: it was cut or repaired, or its live file is lost.
    case cut(String)

    var word: String {
        switch self {
        case .finished: "finished"
        case .running: "running"
        case .died: "died"
        case .cut: "cut"
        }
    }

    /// What is wrong, before the reason.
    var complaint: String {
        if case .cut = self { return "is not whole" }
        return "has no end"
    }

    var reason: String? {
        switch self {
        case .died(let reason), .cut(let reason): reason
        case .finished, .running: nil
        }
    }
}

extension LogGap {
    var json: JSONText {
        .object([
            ("event", .unsigned(firstEvent)), ("next_event", .unsigned(nextEvent)),
            ("icount", .unsigned(firstIcount)), ("next_icount", .unsigned(nextIcount)),
        ])
    }
}

extension ToolOutput {
    /// How far a log has been read. Call it for each event: it looks at the clock for some only.
    @inline(__always)
    func progress(_ reader: LogReader, event: UInt64) {
        guard event & 0xfff == 0 else { return }
        progress(event &- reader.firstEvent, of: reader.endEvent &- reader.firstEvent)
    }

    @inline(__always)
    func progress(_ reader: QEMULogReader, event: UInt64) {
        guard event & 0xfff == 0 else { return }
        if let own = reader.ownLog { return progress(own, event: event) }
        progress(reader.offset, of: reader.size)
    }
}

extension LogReader {
    var completeness: Completeness {
        switch state {
        case .finished: .finished
        case .running: .running
        case .died(let reason):
            hasDied ? .died(reason) : .cut(reason)
        }
    }
}

extension QEMULogReader {
    /// After the last event.
    var completeness: Completeness {
        // What it was converted to may have been cut later.
        if let own = ownLog?.completeness, own != .finished { return own }
        return switch ending {
        case .withinEvent(let offset):
            .died("\(diedOrCut), and the log ends within an event, at byte \(offset)")
        case .withoutEnd: .died(diedOrCut)
        case .afterEvent: .died("\(diedOrCut), and the log ends after a whole event")
        case .whole, nil: version == 0 ? .died("QEMU ended while it closed the log") : .finished
        }
    }

    private var diedOrCut: String {
        version == 0 ? "QEMU was killed, or still runs" : "the log was cut"
    }

    /// Reads the rest, and returns the cause of the last shutdown.
    func readToEnd(_ see: (borrowing QEMUEvent) -> Void = { _ in }) throws(LogError) {
        var event = QEMUEvent()
        while try next(&event) { see(event) }
    }

    @inline(__always)
    func next(_ event: inout QEMUEvent) throws(LogError) -> Bool {
        try withUnsafeMutablePointer(to: &event) { place throws(LogError) in try next(into: place) }
    }
}
