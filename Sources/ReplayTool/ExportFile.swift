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
        if path != "-" { try FilesRead.refuse(path, reading: log) }
        file = path == "-" ? nil : try NewFile(path: path, replaces: replaces)
        self.output = output
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
