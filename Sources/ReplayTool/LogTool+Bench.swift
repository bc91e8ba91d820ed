import Glibc
import ReplayLog
import ReplayQEMU
import ReplaySystem

extension LogTool {
    /// Measures how fast a log is decoded, verified and converted, in processor time.
    public func bench(_ path: String) -> ToolExit {
        run { () throws(LogError) in
            let measures = [
                ("decode", try measure(1, path) { log throws(LogError) in try decode(log) }),
                ("verify", try measure(2, path) { log throws(LogError) in try verify(log) }),
                ("convert", try measure(3, path) { log throws(LogError) in try convert(log) }),
            ]
            let values = measures.flatMap { name, measure in
                [
                    ("\(name)_events_per_second", measure.perSecond(measure.events)),
                    ("\(name)_mb_per_second", measure.perSecond(measure.bytes) / 1_000_000),
                ]
            }
            if json {
                print(
                    .object(
                        [("file", .text(path.shown)), ("events", .unsigned(measures[0].1.events))]
                            + values.map { ($0.0, .unsigned($0.1)) }))
            } else {
                for (name, value) in values { output.line("\(Columns.left(name, 26)) \(value)") }
            }
            return .fine
        }
    }

    private func measure(_ number: UInt64, _ path: String, _ work: (OpenedLog) throws(LogError) -> UInt64)
        throws(LogError) -> Measure
    {
        output.stage = (number, 3)
        return try Measure(path, work)
    }

    /// Returns the number of events.
    private func decode(_ log: OpenedLog) throws(LogError) -> UInt64 {
        switch log {
        case .own(let reader):
            var event = Event(kind: 0, role: .vcpu, icount: 0, index: 0)
            var count: UInt64 = 0
            reader.onGap = { _ in }
            while try withUnsafeMutablePointer(
                to: &event, { place throws(LogError) in try reader.next(into: place) })
            {
                count &+= 1
                output.progress(reader, event: event.index)
            }
            return count
        case .qemu(let reader):
            try reader.readToEnd { output.progress(reader, event: $0.index) }
            return reader.eventCount
        }
    }

    private func verify(_ log: OpenedLog) throws(LogError) -> UInt64 {
        let result: Verification
        switch log {
        case .own(let reader): result = try Verification(reader, output)
        case .qemu(let reader): result = try Verification(reader, output)
        }
        if let damage = result.damage { throw damage }
        return result.events
    }

    /// Converts it to a file that goes at once.
    private func convert(_ log: OpenedLog) throws(LogError) -> UInt64 {
        let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        let file = try NewFile(path: "\(folder)/replay-log-bench.\(getpid())", replaces: false)
        switch log {
        case .own(let reader):
            let size = reader.overview.fileSize
            file.hasWritten = { output.progress($0, of: size) }
        case .qemu(let reader): file.hasWritten = { _ in output.progress(reader.offset, of: reader.size) }
        }
        return try LogTool.write(log, to: file, ConvertOptions())
    }
}

/// Events and their bytes, and the processor's time for them.
private struct Measure {
    var events: UInt64 = 0
    /// Of QEMU's file, or before compression.
    var bytes: UInt64 = 0
    private var nanoseconds: UInt64 = 0

    /// Half a second at least, so that a short log is measured often.
    private static let leastNanoseconds: UInt64 = 500_000_000

    init(_ path: String, _ work: (OpenedLog) throws(LogError) -> UInt64) throws(LogError) {
        while nanoseconds < Measure.leastNanoseconds {
            let log = try OpenedLog(path: path)
            let length: UInt64
            switch log {
            case .own(let reader): length = try reader.eventBytes()
            case .qemu(let reader): length = reader.size
            }
            let start = Measure.now
            events &+= try work(log)
            nanoseconds &+= max(Measure.now &- start, 1)
            bytes &+= length
        }
    }

    func perSecond(_ amount: UInt64) -> UInt64 {
        let (high, low) = amount.multipliedFullWidth(by: 1_000_000_000)
        return high < nanoseconds ? nanoseconds.dividingFullWidth((high, low)).quotient : .max
    }

    private static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}
