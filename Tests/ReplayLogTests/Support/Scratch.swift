import Glibc

@testable import ReplayLog

/// A folder for one test, gone with it.
final class Scratch {
    let folder: String

    init() {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/replay-log-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { fatalError("no scratch folder: errno \(errno)") }
        folder = String(cString: made)
    }

    deinit {
        if let entries = opendir(folder) {
            while let entry = readdir(entries) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                unlink("\(folder)/\(name)")
            }
            closedir(entries)
        }
        rmdir(folder)
    }

    func path(_ name: String) -> String { "\(folder)/\(name)" }

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
    static var test: LogOptions { LogOptions(segmentSize: 256, syncInterval: 0) }
}

extension LogMetadata {
    static var test: LogMetadata {
        LogMetadata(fingerprint: [("ram", "64M"), ("cpu", "rv64")], createdNs: 12345, shift: 255, flags: 9)
    }
}

/// Whole files, as bytes.
enum Files {
    static func read(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count <= 0 { return bytes }
            bytes += buffer[..<count]
        }
    }

    static func write(_ path: String, _ bytes: some Collection<UInt8>) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o666)
        guard descriptor >= 0 else { fatalError("\(path) can't be written: errno \(errno)") }
        defer { close(descriptor) }
        let bytes = Array(bytes)
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress! + done, bytes.count - done)
            }
            guard count > 0 else { fatalError("\(path) can't be written: errno \(errno)") }
            done += count
        }
    }

    /// Changes one byte in place.
    static func poke(_ path: String, _ offset: Int, _ byte: UInt8) {
        let descriptor = open(path, O_WRONLY)
        guard descriptor >= 0,
            withUnsafeBytes(of: byte, { pwrite(descriptor, $0.baseAddress, 1, off_t(offset)) }) == 1
        else { fatalError("\(path) can't be changed: errno \(errno)") }
        close(descriptor)
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Copies a log as a kill would leave it: the live file first, since what leaves it goes to the other.
    static func copyLog(_ from: String, to: String) {
        if let live = read(from + ".live") { write(to + ".live", live) } else { unlink(to + ".live") }
        write(to, read(from) ?? [])
    }
}
