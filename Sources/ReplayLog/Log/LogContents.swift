import Glibc
import ReplaySystem

/// The result of opening a log: where its events are, up to where they are good, and why
/// not further.
struct LogContents {
    /// Events of a live segment, checked.
    struct LiveEvents {
        var header: LiveSegmentHeader
        var bytes: RawBuffer
        var length: Int
        var eventCount: UInt64
    }

    var chunks: ChunkReader
    var metadata = LogMetadata()
    var kinds = KindTable.own
    /// The checksum of the metadata chunk's header.
    var metadataChecksum: UInt64 = 0
    var state = LogState.died(reason: "")
    /// The end that it has, also if that says that the log isn't whole.
    var end: LogEnd?
    /// The chunks of events, and gaps, in order.
    var entries: [LogIndex.Entry] = []
    /// The place where the last of them ends.
    var entriesEnd = UInt64(FileHeader.size)
    /// The events in them, and before them.
    var chunkEvents: UInt64 = 0
    /// Where a log begins that has only a part of its run.
    var begin: LogBegin?
    /// What follows them.
    var live: [LiveEvents] = []
    /// The error to report after the last good event; nil: the log ends there.
    var ending: LogError?
    /// The errno with which the recorder died.
    var recorderErrno: Int32 = 0
    /// The bytes at the end of `NAME` that belong to an incomplete chunk, of which nothing can be used. A recorder that
    /// is killed leaves a live file, which has its events.
    var incompleteBytes: UInt64 = 0
    /// Does a live file continue it?
    var hasLive = false

    /// The number of good events, by what is known before they are read.
    var eventCount: UInt64 {
        live.last.map { $0.header.firstEvent &+ $0.eventCount } ?? chunkEvents
    }

    /// Opens a log in any state. A finished one needs no live file, so none is read.
    static func read(path: String, system: Syscalls) throws(LogError) -> LogContents {
        // The live file is beside the log, and not beside a link to it.
        let path = Syscalls.resolved(path)
        do throws(LogError) {
            if let finished = try LogScan.contents(ofFinished: path, system: system) { return finished }
        } catch {
            if case .system = error.code { throw error }
        }
        var attempt = 0
        while true {
            attempt &+= 1
            if let contents = try read(path, attempt, system) { return contents }
            Syscalls.pause()
        }
    }

    /// If a recorder writes meanwhile, the two files may be of different moments. Nil: read again.
    private static func read(_ path: String, _ attempt: Int, _ system: Syscalls) throws(LogError)
        -> LogContents?
    {
        let mayReadAgain = attempt < 50
        // It belongs to the recording only if it is tied to `NAME`; otherwise it is ignored.
        let next = (try? LiveSnapshot(path: path + LogFiles.Suffix.newLive, system: system)) ?? nil
        let named = try LiveSnapshot(path: path + LogFiles.Suffix.live, system: system)
        var live = named
        var scan: LogScan
        do throws(LogError) {
            scan = try LogScan(path: path, system: system)
            if scan.contents.end != nil { return scan.contents }
            if let next, next.tie == scan.contents.chunks.inode { live = next }
            guard LiveSnapshot.isCurrent(live, live?.path ?? path + LogFiles.Suffix.live, system) else {
                if mayReadAgain { return nil }
                throw LogError(.busy, "\(path) keeps appearing and disappearing")
            }
            try scan.add(live)
        } catch {
            if live?.isHeld == true && mayReadAgain && error.code != .version { return nil }
            if live != nil && error.code == .notFound {
                throw LogError(.notFound, "\(path) is missing: \(path).live is of no use without it")
            }
            throw error
        }
        let contents = scan.contents
        // Without a live file the recorder may have just finished, or just started.
        let mayChange =
            live.map { $0.isHeld && contents.ending != nil }
            ?? (attempt == 1 && !isUnchanged(path, contents, system))
        return mayChange && mayReadAgain ? nil : contents
    }

    /// Is `NAME` still the file that was read, with the same size and without a live file beside it?
    private static func isUnchanged(_ path: String, _ contents: LogContents, _ system: Syscalls) -> Bool {
        for suffix in [LogFiles.Suffix.newLive, LogFiles.Suffix.live] {
            guard case .failure(ENOENT) = system.status(path: path + suffix) else { return false }
        }
        guard case .success(let status) = system.status(path: path) else { return false }
        return UInt64(status.st_ino) == contents.chunks.inode
            && UInt64(exactly: status.st_size) == contents.chunks.size
    }
}
