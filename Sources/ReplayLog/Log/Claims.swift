import Glibc
import ReplaySystem

/// Does an open file begin as a log or a live file does?
package func isPartOfRecording(_ file: OpenFile, _ system: Syscalls) throws(SystemError) -> Bool {
    var head = [UInt8](repeating: 0, count: FileHeader.magic.count)
    let count = try head.withUnsafeMutableBytes { system.read(file.descriptor, into: $0, at: 0) }.get()
    return count == head.count && (head == FileHeader.magic || head == LiveLayout.magic)
}

/// Opens, examines and locks what already has a recording's names, and creates the new files.
///
/// It replaces only a recording that no session uses, its live file, and files of a recorder that was
/// killed before its start.
struct Claims {
    let path: String
    let folder: Folder
    let name: String
    let system: Syscalls

    private typealias Suffix = LogFiles.Suffix
    private static let attempts = 100

    /// The older recording, if there is one.
    func log(replacing: Bool) throws(LogError) -> OpenFile? {
        try existing("") { file, status throws(LogError) in
            if !replacing { throw LogError(.exists, "\(path) already exists, and rroverwrite is off") }
            if status.st_size > 0, try !begins(file, with: FileHeader.magic) {
                throw LogError(.notALog, "\(path) is not a recording, so a recording does not replace it")
            }
            return .keep
        }
    }

    /// The live file of the older recording, if there is one. No longer locked, because a reader of the older
    /// recording would think that its recorder is alive.
    func live() throws(LogError) -> OpenFile? {
        let live = try existing(Suffix.live) { file, _ throws(LogError) in
            if try begins(file, with: LiveLayout.magic) { return .keep }
            throw foreign(Suffix.live)
        }
        if let live { system.unlock(live.descriptor) }
        return live
    }

    /// Creates `NAME.live.new`, locked. While a recorder holds it, no other recorder can prepare a recording of
    /// that name.
    func makeLive(_ older: OpenFile?) throws(LogError) -> OpenFile {
        try make(Suffix.newLive, like: older) { file, status throws(LogError) in
            if status.st_size == 0 { return .remove }
            guard try begins(file, with: LiveLayout.magic) else { throw foreign(Suffix.newLive) }
            let tie = try tie(of: file)
            if let older, case .success(let log) = system.status(older.descriptor), tie == UInt64(log.st_ino)
            {
                // Its recorder was killed between the two renamings.
                let replaced = try live()
                try folder.rename(name + Suffix.newLive, name + Suffix.live, replacing: replaced != nil)
                    .orThrow("completed", path)
                return .again
            }
            // Its recorder was killed before it had started.
            _ = try existing(Suffix.new) { _, status throws(LogError) in
                tie != 0 && tie == UInt64(status.st_ino) ? .remove : .keep
            }
            return .remove
        }
    }

    /// Makes `NAME.new`, locked.
    func makeLog(_ older: OpenFile?) throws(LogError) -> OpenFile {
        try make(Suffix.new, like: older) { _, status throws(LogError) in
            if status.st_size == 0 { return .remove }
            throw foreign(Suffix.new)
        }
    }

    // MARK: The parts

    private enum Verdict {
        case keep, remove, again
    }

    private typealias Examination = (OpenFile, stat) throws(LogError) -> Verdict

    private func foreign(_ suffix: String) -> LogError {
        LogError(
            .notALog,
            "\(path)\(suffix) is not a file that an earlier recording of \(path) left, and is not replaced")
    }

    /// With the permissions of the older recording, if there is one, from the moment of its creation.
    private func make(
        _ suffix: String, like older: OpenFile?, _ examine: Examination
    ) throws(LogError) -> OpenFile {
        var mode: mode_t?
        if let older, case .success(let status) = system.status(older.descriptor) { mode = status.st_mode }
        for _ in 0..<Claims.attempts {
            switch folder.open(name + suffix, O_RDWR | O_CREAT | O_EXCL, mode: mode.map { $0 & 0o666 }) {
            case .success(let file):
                if let mode { system.setMode(file.descriptor, mode) }
                if case .failure(let error) = system.lock(file.descriptor) {
                    // Another recorder believes that it was left over, and removes it.
                    if Claims.isBusy(error) { continue }
                    _ = folder.remove(name + suffix, of: file)
                    throw LogError.system(error, "locked", path + suffix)
                }
                if let conflict = file.begin(Claims.kind(suffix)) {
                    throw LogError(.busy, "\(path)\(suffix) is \(conflict)")
                }
                if folder.leads(name + suffix, to: file) == true { return file }
            case .failure(EEXIST): _ = try existing(suffix, examine)
            case .failure(let error): throw LogError.system(error, "made", path + suffix)
            }
        }
        throw LogError(.busy, "\(path)\(suffix) keeps appearing and disappearing")
    }

    /// Opens and locks the file of that name. Nil: there is none (any more).
    private func existing(_ suffix: String, _ examine: Examination) throws(LogError) -> OpenFile? {
        let name = self.name + suffix
        for _ in 0..<Claims.attempts {
            switch folder.status(name) {
            case .failure(ENOENT): return nil
            case .failure(let error): throw LogError.system(error, "examined", path + suffix)
            case .success(let status): try checkKind(status, suffix)
            }
            let file: OpenFile
            switch folder.open(name, O_RDWR) {
            case .success(let opened): file = opened
            case .failure(ENOENT), .failure(ELOOP): continue
            case .failure(let error): throw LogError.system(error, "opened for writing", path + suffix)
            }
            guard case .success(let status) = system.status(file.descriptor) else {
                throw LogError.system(SystemError(EIO), "examined", path + suffix)
            }
            try checkKind(status, suffix)
            if case .failure(let error) = system.lock(file.descriptor) {
                if Claims.isBusy(error) {
                    let user =
                        FileUse.conflict(file.descriptor)
                        ?? "being recorded or replayed by another session"
                    throw LogError(.busy, "\(path)\(suffix) is \(user)")
                }
                throw LogError.system(error, "locked", path + suffix)
            }
            if let conflict = file.begin(Claims.kind(suffix)) {
                throw LogError(.busy, "\(path)\(suffix) is \(conflict)")
            }
            guard let same = folder.leads(name, to: file) else {
                throw LogError.system(SystemError(EIO), "examined", path + suffix)
            }
            // Its recorder has finished meanwhile, or another one has replaced it.
            if !same { continue }
            switch try examine(file, status) {
            case .keep: return file
            case .again: return nil
            case .remove:
                if case .failed(let error) = folder.remove(name, of: file) {
                    throw LogError.system(error, "removed", path + suffix)
                }
                return nil
            }
        }
        throw LogError(.busy, "\(path)\(suffix) keeps appearing and disappearing")
    }

    private static func kind(_ suffix: String) -> FileUse.Kind {
        suffix.utf8.elementsEqual("".utf8) || suffix.utf8.elementsEqual(Suffix.new.utf8) ? .log : .liveFile
    }

    private func checkKind(_ status: stat, _ suffix: String) throws(LogError) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: return
        case S_IFLNK:
            throw LogError(
                .notALog,
                "\(path)\(suffix) is a symbolic link, which a recording doesn't follow: use the name "
                    + "of the file itself")
        default:
            throw LogError(.notALog, "\(path)\(suffix) can't hold a recording: it is not a regular file")
        }
    }

    private func begins(_ file: OpenFile, with magic: [UInt8]) throws(LogError) -> Bool {
        var head = [UInt8](repeating: 0, count: magic.count)
        let count = try head.withUnsafeMutableBytes { system.read(file.descriptor, into: $0, at: 0) }
            .orThrow("examined", path)
        return count == magic.count && head == magic
    }

    private func tie(of file: OpenFile) throws(LogError) -> UInt64 {
        var bytes = [UInt8](repeating: 0, count: LiveLayout.tieSize)
        let result = bytes.withUnsafeMutableBytes {
            system.read(file.descriptor, into: $0, at: UInt64(LiveLayout.tieOffset))
        }
        _ = try result.orThrow("examined", path)
        return bytes.withUnsafeBytes { LiveLayout.tie(decoding: $0) } ?? 0
    }

    private static func isBusy(_ error: SystemError) -> Bool { [EAGAIN, EACCES].contains(error.number) }
}
