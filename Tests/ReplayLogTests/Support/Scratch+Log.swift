import Glibc
import TestSupport

@testable import ReplayLog

extension Scratch {
    /// Writes a log of these events to its end.
    @discardableResult
    func finishedLog(
        _ name: String, _ events: [TestEvent], _ options: LogOptions = .test, metadata: LogMetadata = .test
    ) throws -> String {
        let writer = try LogWriter(path: path(name), options: options)
        try writer.writeMetadata(metadata)
        for event in events where !writer.append(event) {
            throw writer.failure ?? LogError(.misuse, "append")
        }
        try writer.finish(
            LogEnd(cause: 3, exitCode: -1, icount: writer.lastIcount, digest: 7, hasDigest: true))
        return path(name)
    }

    /// Leaves a log as its recorder's death leaves it.
    @discardableResult
    func diedLog(_ name: String, _ events: [TestEvent], _ options: LogOptions = .test) throws -> String {
        let writer = try LogWriter(path: path(name), options: options)
        try writer.writeMetadata(.test)
        for event in events where !writer.append(event) {
            throw writer.failure ?? LogError(.misuse, "append")
        }
        writer.abandon()
        return path(name)
    }
}

extension LogOptions {
    static var test: LogOptions {
        var options = LogOptions(segmentSize: 256, syncInterval: 0)
        // Short live files, because some tests change each byte of one.
        options.liveSegments = 3
        return options
    }
}

extension LogMetadata {
    static var test: LogMetadata {
        LogMetadata(fingerprint: [("ram", "64M"), ("cpu", "rv64")], createdNs: 12345, shift: 255, flags: 9)
    }
}

extension Files {
    /// Copies a log as a kill would leave it: the live file first, since what leaves it goes to the other.
    static func copyLog(_ from: String, to: String) {
        if let live = read(from + ".live") { write(to + ".live", live) } else { unlink(to + ".live") }
        write(to, read(from) ?? [])
    }
}
