import Glibc

/// An open file, closed at the latest with its last reference.
final class OpenFile: @unchecked Sendable {
    // Sendable: closed when no other thread uses it.

    private(set) var descriptor: Int32
    /// While it is open, no other session of this process can use the file for something else.
    private var use: FileUse?
    private let system: Syscalls

    init(_ descriptor: Int32, _ system: Syscalls) {
        self.descriptor = descriptor
        self.system = system
    }

    deinit {
        close()
    }

    /// Returns what already uses the file, or nil.
    func begin(_ kind: FileUse.Kind) -> String? {
        let (use, conflict) = FileUse.begin(kind, descriptor)
        self.use = use
        return conflict
    }

    /// Releases its locks too.
    func close() {
        // First, because a new file may get its number as soon as it is closed.
        use = nil
        system.close(descriptor)
        descriptor = -1
    }
}

/// A folder that is kept open, and names in it. They refer to the same files even if the process changes
/// its working directory, or the folder is moved.
struct Folder: Sendable {
    private let file: OpenFile
    let system: Syscalls
    // O_PATH.
    private static let onlyPath: Int32 = 0o10000000

    /// Opens the folder that holds `path`. Also returns the name within it.
    static func of(_ path: String, _ system: Syscalls) throws(LogError) -> (Folder, name: String) {
        let bytes = path.utf8
        let slash = bytes.lastIndex(of: UInt8(ascii: "/"))
        let name = slash.map { String(path[bytes.index(after: $0)...]) } ?? path
        let folder = slash.map { $0 == bytes.startIndex ? "/" : String(path[..<$0]) } ?? "."
        if name.isEmpty || name == "." || name == ".." || bytes.contains(0) {
            throw LogError(.notFound, "'\(path)' is not a usable name for a log")
        }
        var opened = system.open(folder, O_RDONLY | O_DIRECTORY)
        // A folder that allows creating files, but not listing them.
        if case .failure(EACCES) = opened { opened = system.open(folder, onlyPath | O_DIRECTORY) }
        switch opened {
        case .success(let descriptor):
            return (Folder(file: OpenFile(descriptor, system), system: system), name)
        case .failure(let error): throw LogError.system(error, "made", path)
        }
    }

    func open(_ name: String, _ flags: Int32, mode: mode_t? = nil) -> Syscalls.Result<OpenFile> {
        let flags = flags | O_NOFOLLOW | O_NONBLOCK
        return switch system.open(name, flags, mode: mode ?? 0o666, in: file.descriptor) {
        case .success(let descriptor): .success(OpenFile(descriptor, system))
        case .failure(let error): .failure(error)
        }
    }

    func status(_ name: String) -> Syscalls.Result<stat> { system.status(name, in: file.descriptor) }

    func rename(_ from: String, _ to: String, replacing: Bool) -> Int32? {
        system.rename(from, to, in: file.descriptor, replacing: replacing)
    }

    func sync() { system.syncFolder(file.descriptor) }

    /// Does the name refer to that open file? Nil: unknown, because of an errno other than ENOENT.
    func leads(_ name: String, to file: OpenFile) -> Bool? {
        switch (status(name), system.status(file.descriptor)) {
        case (.success(let named), .success(let mine)):
            return named.st_ino == mine.st_ino && named.st_dev == mine.st_dev
        case (.failure(ENOENT), _): return false
        default: return nil
        }
    }

    /// The result of removing a name.
    enum Removal: Equatable {
        case removed
        /// No file has the name any more.
        case absent
        /// A different file has the name, and keeps it.
        case other
        case failed(Int32)
    }

    /// Removes a name if it refers to that open file.
    func remove(_ name: String, of file: OpenFile) -> Removal {
        switch (status(name), system.status(file.descriptor)) {
        case (.success(let named), .success(let mine)):
            guard named.st_ino == mine.st_ino, named.st_dev == mine.st_dev else { return .other }
        case (.failure(ENOENT), _): return .absent
        case (.failure(let error), _), (_, .failure(let error)): return .failed(error)
        }
        switch system.unlink(name, in: self.file.descriptor) {
        case nil: return .removed
        case ENOENT: return .absent
        case let error?: return .failed(error)
        }
    }
}
