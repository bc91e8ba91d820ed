import Glibc

/// A folder that is kept open, and names in it. They refer to the same files even if the process changes
/// its working directory, or the folder is moved.
package struct Folder: Sendable {
    private let file: OpenFile
    private let system: Syscalls
    // O_PATH.
    private static let onlyPath: Int32 = 0o10000000

    /// Splits the path of a file into its folder and the name within it; nil: it names no file.
    package static func split(_ path: String) -> (folder: String, name: String)? {
        let bytes = path.utf8
        let slash = bytes.lastIndex(of: UInt8(ascii: "/"))
        let name = slash.map { String(path[bytes.index(after: $0)...]) } ?? path
        let folder = slash.map { $0 == bytes.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let isUsable = !name.isEmpty && name != "." && name != ".." && !bytes.contains(0)
        return isUsable ? (folder, name) : nil
    }

    package static func open(_ path: String, _ system: Syscalls) -> Syscalls.Result<Folder> {
        var opened = system.open(path, O_RDONLY | O_DIRECTORY)
        // A folder that allows creating files, but not listing them.
        if case .failure(EACCES) = opened { opened = system.open(path, onlyPath | O_DIRECTORY) }
        return opened.map { Folder(file: OpenFile($0, system), system: system) }
    }

    package func open(_ name: String, _ flags: Int32, mode: mode_t? = nil) -> Syscalls.Result<OpenFile> {
        let flags = flags | O_NOFOLLOW | O_NONBLOCK
        return system.open(name, flags, mode: mode ?? 0o666, in: file.descriptor)
            .map { OpenFile($0, system) }
    }

    package func status(_ name: String) -> Syscalls.Result<stat> { system.status(name, in: file.descriptor) }

    package func rename(_ from: String, _ to: String, replacing: Bool) -> Syscalls.Result<Void> {
        system.rename(from, to, in: file.descriptor, replacing: replacing)
    }

    package func sync() { system.syncFolder(file.descriptor) }

    /// Does the name refer to that open file? Nil: unknown, because of an errno other than ENOENT.
    package func leads(_ name: String, to file: OpenFile) -> Bool? {
        switch (status(name), system.status(file.descriptor)) {
        case (.success(let named), .success(let mine)):
            return named.st_ino == mine.st_ino && named.st_dev == mine.st_dev
        case (.failure(ENOENT), _): return false
        default: return nil
        }
    }

    /// As long as the result exists, a signal that ends the program removes the name of that open file. Both stay open.
    package func removeOnSignals(_ name: String, of file: OpenFile) -> UnfinishedFile {
        UnfinishedFile(folder: self.file.descriptor, name: name, file: file.descriptor)
    }

    /// The result of removing a name.
    package enum Removal: Equatable {
        case removed
        /// No file has the name any more.
        case absent
        /// A different file has the name, and keeps it.
        case other
        case failed(SystemError)
    }

    /// Removes a name if it refers to that open file.
    package func remove(_ name: String, of file: OpenFile) -> Removal {
        switch (status(name), system.status(file.descriptor)) {
        case (.success(let named), .success(let mine)):
            guard named.st_ino == mine.st_ino, named.st_dev == mine.st_dev else { return .other }
        case (.failure(ENOENT), _): return .absent
        case (.failure(let error), _), (_, .failure(let error)): return .failed(error)
        }
        switch system.unlink(name, in: self.file.descriptor) {
        case .success: return .removed
        case .failure(ENOENT): return .absent
        case .failure(let error): return .failed(error)
        }
    }
}
