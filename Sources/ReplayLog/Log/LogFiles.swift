import Glibc
import ReplaySystem
import Synchronization

/// The two files of a recording, and their names.
///
/// They are prepared as `NAME.new` and `NAME.live.new` and get their own names by ``commit()``, so that
/// an older recording stays complete until this one has started. A kill at any moment leaves either the older
/// one or this one. Renaming `NAME.new` is the commit. From then on readers use `NAME.live.new`,
/// which contains the inode number of its `NAME`, as the live file until it is renamed too.
///
/// Both files, and those that they will replace, are locked. The open file shows who owns it; its name
/// doesn't. Only recordings that nobody uses, and what their recorders left, are replaced or removed,
/// and nothing is written through a link.
final class LogFiles: @unchecked Sendable {
    // Sendable: the recorder's thread changes the names; the sealer only looks whether they exist.

    let path: String
    /// `NAME`. The sealer owns it as soon as there is one.
    let log: OpenFile
    let live: LiveFile

    private let folder: Folder
    private let name: String
    private let system: Syscalls
    /// The files that will be replaced, locked until then.
    private var older: OpenFile?
    private var olderLive: OpenFile?
    private var hasLiveName = false
    private let committed = Atomic<Bool>(false)
    private var isDiscarded = false

    /// Creates `NAME.new` and `NAME.live.new`. If `replacing` is false, `NAME` may not exist.
    init(path: String, layout: LiveLayout, replacing: Bool, system: Syscalls) throws(LogError) {
        guard let (folderPath, name) = Folder.split(path) else {
            throw LogError(.notFound, "'\(path)' is not a usable name for a log")
        }
        let folder = try Folder.open(folderPath, system).orThrow("made", path)
        let length = name.fileBytes.count
        if length > LogFiles.longestName {
            throw LogError(
                .tooLarge,
                "the file name of a recording has at most \(LogFiles.longestName) bytes, but this one has \(length): \(path)"
            )
        }
        let claims = Claims(path: path, folder: folder, name: name, system: system)
        let older = try claims.log(replacing: replacing)
        let liveFile = try claims.makeLive(older)
        do throws(LogError) {
            olderLive = try claims.live()
            live = try LiveFile(path: path + ".live", file: liveFile, layout: layout, system: system)
            log = try claims.makeLog(older)
        } catch {
            _ = folder.remove(name + Suffix.newLive, of: liveFile)
            throw error
        }
        self.path = path
        self.folder = folder
        self.name = name
        self.system = system
        self.older = older
        switch system.status(log.descriptor) {
        // Before a byte is in `NAME.new`, so that whoever finds both knows that they belong together.
        case .success(let status): live.tie(to: UInt64(status.st_ino))
        case .failure(let error):
            discard()
            throw LogError.system(error, "examined", path)
        }
    }

    enum Suffix {
        static let live = ".live"
        static let new = ".new"
        static let newLive = ".live.new"
    }

    /// A name has at most 255 bytes on Linux, including the longest suffix.
    static let longestName = 255 - Suffix.newLive.utf8.count

    /// Do the files have their final names?
    var isCommitted: Bool { committed.load(ordering: .acquiring) }

    /// Gives the files their final names, and so replaces older ones. Returns what the user should know.
    func commit(synced: Bool) throws(LogError) -> String? {
        if isCommitted { return nil }
        if synced, older != nil { try system.sync(log.descriptor).orThrow("synced", path) }
        try checkUnchanged(name, older)
        try checkUnchanged(name + Suffix.live, olderLive)
        try folder.rename(name + Suffix.new, name, replacing: older != nil).orThrow("made", path)
        committed.store(true, ordering: .releasing)
        older = nil
        let renaming = folder.rename(
            name + Suffix.newLive, name + Suffix.live, replacing: olderLive != nil)
        if case .failure(let error) = renaming {
            // The older recording is replaced: this one has started. Readers and the next recorder recognise the
            // live file by its tie.
            return "\(path)\(Suffix.newLive) could not be renamed: \(error); "
                + "the recording continues with that name"
        }
        hasLiveName = true
        olderLive = nil
        return nil
    }

    private func checkUnchanged(_ name: String, _ file: OpenFile?) throws(LogError) {
        let isUnchanged: Bool
        if let file {
            isUnchanged = folder.leads(name, to: file) ?? false
        } else if case .failure(ENOENT) = folder.status(name) {
            isUnchanged = true
        } else {
            isUnchanged = false
        }
        if isUnchanged { return }
        let suffix = name.dropFirst(self.name.count)
        throw LogError(
            .lost,
            "\(path)\(suffix) has become a different file since the session was configured; it is not replaced"
        )
    }

    /// Removes what was prepared. If it is killed in between, the next recorder can remove the rest.
    func discard() {
        if isCommitted || isDiscarded { return }
        isDiscarded = true
        if case .success = system.truncate(log.descriptor, size: 0) { live.tie(to: 0) }
        _ = folder.remove(name + Suffix.new, of: log)
        _ = folder.remove(name + Suffix.newLive, of: live.file)
        older = nil
        olderLive = nil
    }

    /// Checks that the finished log still has its name.
    func checkName() throws(LogError) {
        if folder.leads(name, to: log) == true { return }
        var sentence = "\(path) was removed, renamed or replaced by something else while it was recorded"
        if case .success(let status) = system.status(log.descriptor), status.st_nlink > 0 {
            sentence += "; the recording is complete, but has a different name"
        }
        throw LogError(.lost, sentence)
    }

    /// Removes the live file, which a finished log doesn't need. Returns what the user should know.
    func removeLive() -> String? {
        let live = hasLiveName ? name + Suffix.live : name + Suffix.newLive
        if let olderLive { _ = folder.remove(name + Suffix.live, of: olderLive) }
        olderLive = nil
        switch folder.remove(live, of: self.live.file) {
        case .removed: return nil
        case .absent: return "\(path).live was removed by something else while \(path) was recorded"
        case .other: return "\(path).live is not the file that was recorded to; it was left alone"
        case .failed(let error):
            self.live.shrink()
            return "\(path).live could not be removed: \(error); \(path) doesn't need it"
        }
    }

    func syncFolder() { folder.sync() }

    /// Unmaps and closes both files, which unlocks them.
    func close() {
        // Nobody could recognise it otherwise.
        if isCommitted, live.isEmptied { _ = removeLive() }
        olderLive = nil
        live.close()
        live.file.close()
        log.close()
    }
}
