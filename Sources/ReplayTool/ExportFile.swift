import Glibc
import ReplayLog
import ReplaySystem

/// Where an export goes: to a file, which gets its name when it is complete, or to standard output.
final class ExportFile {
    private let file: NewFile?
    private let output: ToolOutput
    private var buffer: [UInt8] = []
    private var offset: UInt64 = 0

    /// - Parameters:
    ///   - path: `-` is standard output.
    ///   - log: What is exported, and must stay as it is.
    init(_ path: String, of log: String, replaces: Bool, _ output: ToolOutput) throws(LogError) {
        if path != "-" && ExportFile.isSame(log, path) {
            throw LogError(.exists, "\(path) is the log itself; give another name")
        }
        file = path == "-" ? nil : try NewFile(path: path, replaces: replaces)
        self.output = output
    }

    /// Is a file also what would be written, or replaced on the way?
    static func isSame(_ log: String, _ target: String) -> Bool {
        isOne(log, target) || isOne(log, NewFile.part(of: target))
    }

    private static func isOne(_ a: String, _ b: String) -> Bool {
        var (statusA, statusB) = (stat(), stat())
        return a.withFileName { stat($0, &statusA) } == 0 && b.withFileName { stat($0, &statusB) } == 0
            && (statusA.st_dev, statusA.st_ino) == (statusB.st_dev, statusB.st_ino)
    }

    func write(_ bytes: [UInt8]) throws(LogError) {
        buffer += bytes
        if buffer.count >= 1 << 18 { try flush() }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(LogError) {
        buffer.append(contentsOf: bytes)
        if buffer.count >= 1 << 18 { try flush() }
    }

    private func flush() throws(LogError) {
        if let file {
            try file.write(buffer, at: offset)
        } else {
            output.add(buffer)
        }
        offset &+= UInt64(buffer.count)
        buffer.removeAll(keepingCapacity: true)
    }

    /// Everything is written.
    func end() throws(LogError) {
        try flush()
        try file?.sync()
        try file?.keep()
    }
}
