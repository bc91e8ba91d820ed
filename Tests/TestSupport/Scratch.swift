import Glibc

/// A folder for one test, gone with it.
public final class Scratch {
    public let folder: String

    public init() {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/libreplay-test-XXXXXX".utf8CString)
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

    public func path(_ name: String) -> String { "\(folder)/\(name)" }
}
