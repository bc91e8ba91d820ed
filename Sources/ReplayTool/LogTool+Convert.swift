import ReplayLog
import ReplayQEMU
import ReplaySystem

/// How a converted log is stored.
public struct ConvertOptions: Sendable {
    /// Without compression.
    public var uncompressed = false
    /// zstd's level, of each column.
    public var level = ConvertOptions.usualLevel
    /// An older file may be replaced.
    public var force = false

    public static let usualLevel = 7
    public static let levels = 1...22

    public init() {}

    /// Chunks of QEMU's events are longer than a recorder's: nobody waits for one to be complete.
    var logOptions: LogOptions {
        var options = LogOptions(
            segmentSize: 1 << 21, compressionLevel: Int32(truncatingIfNeeded: level))
        options.compression = uncompressed ? .none : .columns
        return options
    }
}

extension LogTool {
    /// Writes a log in the newest format, with the same events: of a log of QEMU's, or one of this library.
    public func convert(_ path: String, to target: String, _ options: ConvertOptions) -> ToolExit {
        run { () throws(LogError) in
            try FilesRead.refuse(target, reading: path)
            let log = try OpenedLog(path: path)
            let file = try NewFile(path: target, replaces: options.force)
            switch log {
            case .own(let reader):
                let size = reader.overview.fileSize
                file.hasWritten = { output.progress($0, of: size) }
            case .qemu(let reader):
                file.hasWritten = { _ in output.progress(reader.offset, of: reader.size) }
            }
            let events = try LogTool.write(log, to: file, options)
            try file.sync()
            try file.keep()
            let sizes = (try LogTool.size(path), try LogTool.size(target))
            if json {
                print(
                    .object([
                        ("file", .text(path.shown)), ("target", .text(target.shown)),
                        ("events", .unsigned(events)), ("bytes", .unsigned(sizes.0)),
                        ("target_bytes", .unsigned(sizes.1)),
                    ]))
            } else {
                let share = Columns.decimal(sizes.1 &* 100, sizes.0, places: 1)
                output.line(
                    "\(target.shown) has the \(events) events of \(path.shown): \(sizes.1) bytes of \(sizes.0), \(share) %"
                )
            }
            return .fine
        }
    }

    /// Returns the number of events.
    static func write(_ log: OpenedLog, to file: NewFile, _ options: ConvertOptions) throws(LogError)
        -> UInt64
    {
        switch log {
        case .own(let reader): return try LogRewriter(reader).write(to: file, options.logOptions)
        case .qemu(let reader):
            if let own = reader.ownLog { return try LogRewriter(own).write(to: file, options.logOptions) }
            try QEMUConverter(reader).convert(to: file, options.logOptions)
            return reader.eventCount
        }
    }

    private static func size(_ path: String) throws(LogError) -> UInt64 {
        let status = try Syscalls().status(path: path).orThrow("read", path)
        return UInt64(max(status.st_size, 0))
    }
}
