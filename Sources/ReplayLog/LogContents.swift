/// What opening a log found out: where its events stand, up to where they can be believed, and why
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
    /// The chunks of events, in order.
    var entries: [LogIndex.Entry] = []
    /// Where the last of them ends.
    var entriesEnd = UInt64(FileHeader.size)
    /// The events in them.
    var chunkEvents: UInt64 = 0
    /// What follows them.
    var live: [LiveEvents] = []
    /// What to say behind the last event that can be believed; nil: the log ends there.
    var ending: LogError?
    /// The errno that the recorder died of.
    var recorderErrno: Int32 = 0

    /// The events that can be believed, by all that is known before they are read.
    var eventCount: UInt64 {
        live.last.map { $0.header.firstEvent &+ $0.eventCount } ?? chunkEvents
    }

    /// Reads a log, whatever state it is in. A finished one doesn't need a live file, and none is looked at.
    static func read(path: String, system: Syscalls) throws(LogError) -> LogContents {
        // The live file stands beside the log, and not beside a link to it.
        let path = Syscalls.resolved(path)
        do throws(LogError) {
            let scan = try LogScan(path: path, system: system)
            if case .finished = scan.contents.state { return scan.contents }
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

    /// A recorder that writes on meanwhile may show us two moments at once. Nil: then it must be read again.
    private static func read(_ path: String, _ attempt: Int, _ system: Syscalls) throws(LogError)
        -> LogContents?
    {
        let mayReadAgain = attempt < 50
        // Not the recording's unless it is tied to `NAME`: whatever else it is doesn't matter.
        let next = (try? LiveSnapshot(path: path + LogFiles.Suffix.newLive, system: system)) ?? nil
        let named = try LiveSnapshot(path: path + LogFiles.Suffix.live, system: system)
        var live = named
        var scan: LogScan
        do throws(LogError) {
            scan = try LogScan(path: path, system: system)
            if case .finished = scan.contents.state { return scan.contents }
            if let next, next.tie == scan.contents.chunks.inode { live = next }
            guard LiveSnapshot.isCurrent(live, live?.path ?? path + LogFiles.Suffix.live) else {
                if mayReadAgain { return nil }
                throw LogError(.busy, "\(path) comes and goes")
            }
            try scan.add(live)
        } catch {
            if live?.isHeld == true && mayReadAgain && error.code != .version { return nil }
            if live != nil && error.code == .notFound {
                throw LogError(.notFound, "\(path) is lost: \(path).live is of no use without it")
            }
            throw error
        }
        let contents = scan.contents
        // Without a live file its recorder may just have finished, or just begun.
        let mayChange = live.map { $0.isHeld && contents.ending != nil } ?? (attempt == 1)
        return mayChange && mayReadAgain ? nil : contents
    }
}
