import Glibc

/// gdb itself, with support for RISC-V.
enum GDB {
    static let program = "gdb-multiarch"

    static let isInstalled = access("/usr/bin/\(program)", X_OK) == 0

    /// Runs the commands, and returns the lines that they print.
    static func run(_ commands: String) -> [String] {
        var name = Array("/tmp/replay-gdb-script-XXXXXX".utf8CString)
        let file = mkstemp(&name)
        guard file >= 0 else { return [] }
        let path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unlink(path) }
        let script = Array("set pagination off\nset confirm off\nset width 0\n\(commands)\n".utf8)
        _ = write(file, script, script.count)
        close(file)
        guard let pipe = popen("timeout 120 \(program) -nx -batch -x \(path) 2>&1", "r") else { return [] }
        var lines: [String] = []
        var line = [CChar](repeating: 0, count: 4096)
        while fgets(&line, Int32(line.count), pipe) != nil {
            lines.append(
                String(
                    decoding: line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self
                ))
        }
        pclose(pipe)
        return lines
    }
}
