import Glibc

/// An open file, closed with its last reference or before.
final class OpenFile: @unchecked Sendable {
    // Sendable: closed when no other thread uses it.

    private(set) var descriptor: Int32
    /// As long as it is open no other session of this process uses the file for something else.
    private var use: FileUse?
    private let system: Syscalls

    init(_ descriptor: Int32, _ system: Syscalls) {
        self.descriptor = descriptor
        self.system = system
    }

    deinit {
        close()
    }

    /// Says what else uses the file already, or nil.
    func begin(_ kind: FileUse.Kind) -> String? {
        let (use, conflict) = FileUse.begin(kind, descriptor)
        self.use = use
        return conflict
    }

    /// Releases its locks too.
    func close() {
        // First: a new file may get its number as soon as it is closed.
        use = nil
        system.close(descriptor)
        descriptor = -1
    }
}

/// A folder that is held open, and names in it: they lead to the same files after the process has gone
/// to a different folder, or the folder was moved.
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
        // A folder in which one may make files, but which one may not list.
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

    /// Does the name lead to that open file? Nil: an errno other than ENOENT says that it can't be found out.
    func leads(_ name: String, to file: OpenFile) -> Bool? {
        switch (status(name), system.status(file.descriptor)) {
        case (.success(let named), .success(let mine)):
            return named.st_ino == mine.st_ino && named.st_dev == mine.st_dev
        case (.failure(ENOENT), _): return false
        default: return nil
        }
    }

    /// What became of a name.
    enum Removal: Equatable {
        case removed
        /// Nothing has the name.
        case absent
        /// Something else has it, and keeps it.
        case other
        case failed(Int32)
    }

    /// Removes a name if it leads to that open file.
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
