import Glibc
import ReplayLog
import TestSupport

@testable import ReplayTool

/// What a verb printed, and its exit code.
struct ToolRun {
    var lines: [String]
    var complaints: [String] = []
    var exit: ToolExit

    init(json: Bool = false, _ verb: (LogTool) -> ToolExit) {
        var bytes: [UInt8] = []
        var complaints: [String] = []
        let output = ToolOutput(
            print: {
                bytes += $0
                return true
            }, complain: { complaints.append($0) })
        exit = verb(LogTool(output: output, json: json))
        output.flush()
        lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        self.complaints = complaints
    }
}

/// A recording in a folder of its own, gone with it.
final class Recording {
    static let count: UInt64 = 5000
    let path: String
    private let scratch = Scratch()

    /// - Parameter isFinished: false: its recorder died.
    init(isFinished: Bool = true) throws {
        path = scratch.path("run.log")
        let options = LogOptions(segmentSize: 1024, syncInterval: 0)
        let writer = try LogWriter(path: path, options: options)
        let metadata = LogMetadata(
            fingerprint: [("ram", "64M")], createdNs: 1_700_000_000_000_000_000, shift: 7)
        try writer.writeMetadata(metadata)
        for index in 0..<Recording.count { try Recording.append(index, writer) }
        if isFinished {
            try writer.finish(
                LogEnd(
                    cause: 6, exitCode: 3, icount: Recording.icount(Recording.count), digest: 5,
                    hasDigest: true))
        } else {
            writer.abandon()
        }
    }

    /// Five events share each icount.
    static func icount(_ index: UInt64) -> UInt64 { index / 5 * 10 }

    private static func append(_ index: UInt64, _ writer: LogWriter) throws {
        let icount = icount(index)
        let isWritten: Bool
        switch index % 5 {
        case 0: isWritten = writer.append(.interrupt, .vcpu, icount)
        case 1: isWritten = writer.appendClock(.clockHost, .io, icount, Int64(index) * 1000)
        case 2:
            isWritten = Array("key \(index)\n".utf8).withUnsafeBytes {
                writer.append(.charRead, .io, icount, 1, 0, 0, 0, 0, 0, bytes: $0)
            }
        case 3: isWritten = writer.append(.block, .io, icount, Int64(index), -5, 0, 0, 0, 0, bytes: none)
        default: isWritten = writer.append(.shutdown, .vcpu, icount, 2, 0, 0, 0, 0, 0, bytes: none)
        }
        if !isWritten { throw LogError(.misuse, "event \(index) was refused") }
    }

    private static var none: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

    /// Changes its first bytes.
    func overwrite(_ bytes: [UInt8]) {
        guard let file = fopen(path, "r+") else { return }
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
    }

    /// Changes one bit.
    func damage(at offset: Int) {
        guard let file = fopen(path, "r+") else { return }
        fseek(file, offset, SEEK_SET)
        let byte = fgetc(file)
        fseek(file, offset, SEEK_SET)
        fputc(byte ^ 4, file)
        fclose(file)
    }
}
