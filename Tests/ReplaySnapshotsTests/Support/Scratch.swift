import Glibc

/// A folder for one test, gone with it.
final class Scratch {
    let folder: String

    init() {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/replay-snapshots-XXXXXX".utf8CString)
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
}
