import Glibc
import ReplaySystem

/// A file that gets its name when it is complete. Until then it is beside it, as `NAME.replay-log.part`: a name that
/// nobody else gives to a file, because what a killed program has left there is replaced. It is removed if the file
/// doesn't become complete, also because of a signal (``UnfinishedFile``).
package final class NewFile {
    package let path: String
    private let folder: Folder
    private let name: String
    private let file: OpenFile
    private let system: Syscalls
    private let replaces: Bool
    private let unfinished: UnfinishedFile
    private var isKept = false
    /// Called with the place up to which the file has been written, to show progress.
    package var hasWritten: (UInt64) -> Void = { _ in }

    private static let suffix = ".replay-log.part"

    /// Where a file is until it is complete.
    package static func part(of path: String) -> String { path + suffix }

    /// - Parameter replaces: an older file of that name may be replaced.
    package init(path: String, replaces: Bool, system: Syscalls = Syscalls()) throws(LogError) {
        guard let (folderPath, name) = Folder.split(path) else {
            throw LogError(.notFound, "'\(path)' is not a usable name for a file")
        }
        folder = try Folder.open(folderPath, system).orThrow("made", path)
        var mode: mode_t?
        if case .success(let status) = folder.status(name) {
            guard replaces else { throw LogError(.exists, "\(path) exists; --force replaces it") }
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw LogError(.exists, "\(path) exists, and is not a regular file")
            }
            mode = status.st_mode
        }
        let part = name + NewFile.suffix
        let signals = UnfinishedFile.holdSignals()
        defer { UnfinishedFile.release(signals) }
        file = try folder.open(part, O_RDWR | O_CREAT | O_NOFOLLOW).orThrow("made", NewFile.part(of: path))
        // Whoever held the lock until now may have given the file its name.
        guard case .success = system.lock(file.descriptor), folder.leads(part, to: file) == true else {
            throw LogError(.busy, "\(NewFile.part(of: path)) is being written by another program")
        }
        // Nobody may read the new file who couldn't read the old one.
        if let mode { system.setMode(file.descriptor, mode) }
        try system.truncate(file.descriptor, size: 0).orThrow("written", NewFile.part(of: path))
        unfinished = folder.removeOnSignals(part, of: file)
        self.path = path
        self.name = name
        self.replaces = replaces
        self.system = system
    }

    deinit {
        if !isKept { _ = folder.remove(name + NewFile.suffix, of: file) }
    }

    package var descriptor: Int32 { file.descriptor }

    package func write(_ bytes: [UInt8], at offset: UInt64) throws(LogError) {
        var failure: LogError?
        bytes.withUnsafeBytes { bytes in
            do throws(LogError) { try write(bytes, at: offset) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    package func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(LogError) {
        try system.write(file.descriptor, bytes, at: offset).orThrow("written", path, offset: offset)
        hasWritten(offset &+ UInt64(bytes.count))
    }

    /// Writes the beginning of a different file to the same place.
    package func copy(_ source: String, count: UInt64) throws(LogError) {
        let from = OpenFile(try system.open(source, O_RDONLY).orThrow("opened", source), system)
        guard let buffer = RawBuffer(count: 1 << 18) else {
            throw LogError.system(.noMemory, "read", source)
        }
        var offset: UInt64 = 0
        while offset < count {
            let wanted = Int(min(count &- offset, UInt64(buffer.bytes.count)))
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<wanted])
            let read = try system.read(from.descriptor, into: part, at: offset).orThrow("read", source)
            guard read > 0 else { throw LogError(.damaged, "\(source) has become shorter while it was read") }
            try write(UnsafeRawBufferPointer(rebasing: part[..<read]), at: offset)
            offset &+= UInt64(read)
        }
    }

    /// Writes everything to the disk.
    package func sync() throws(LogError) {
        try system.sync(file.descriptor).orThrow("synced", path)
    }

    /// Gives the file its name, and so replaces an older one if that is allowed.
    package func keep() throws(LogError) {
        let renamed = folder.rename(name + NewFile.suffix, name, replacing: replaces)
        if case .failure(EEXIST) = renamed {
            throw LogError(.exists, "\(path) exists now; --force replaces it")
        }
        try renamed.orThrow("made", path)
        isKept = true
        folder.sync()
    }
}
