import Glibc

/// Whole files, as bytes.
public enum Files {
    public static func read(_ path: String) -> [UInt8]? {
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

    public static func write(_ path: String, _ bytes: some Collection<UInt8>) {
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
    public static func poke(_ path: String, _ offset: Int, _ byte: UInt8) {
        let descriptor = open(path, O_WRONLY)
        guard descriptor >= 0,
            withUnsafeBytes(of: byte, { pwrite(descriptor, $0.baseAddress, 1, off_t(offset)) }) == 1
        else { fatalError("\(path) can't be changed: errno \(errno)") }
        close(descriptor)
    }

    public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}
