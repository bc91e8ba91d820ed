import Glibc
import TestSupport

/// gdb itself, with support for RISC-V.
enum GDB {
    static let program = "gdb-multiarch"

    static let isInstalled = access("/usr/bin/\(program)", X_OK) == 0

    /// Runs the commands, and returns the lines that they print.
    static func run(_ commands: String) -> [String] {
        let scratch = Scratch()
        let path = scratch.path("script")
        Files.write(path, "set pagination off\nset confirm off\nset width 0\n\(commands)\n".utf8)
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
