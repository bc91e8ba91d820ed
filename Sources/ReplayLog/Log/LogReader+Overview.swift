import Glibc
import ReplaySystem

/// What tools want to know of a log besides its events.
extension LogReader {
    package struct Overview: Sendable {
        /// The size of `NAME`.
        package var fileSize: UInt64
        package var chunkCount: Int
        /// The bytes of events that only the live file has.
        package var liveBytes: Int
        /// The good events, as far as that is known before they are read. ``LogReader/survey()`` subtracts those that a
        /// repaired log lacks.
        package var eventCount: UInt64
        /// What ends the log after them.
        package var damage: LogError?
        /// Does a live file continue it?
        package var hasLive: Bool
        /// The bytes at the end of `NAME` of which nothing can be used: an incomplete chunk that no live file has.
        package var incompleteBytes: UInt64
    }

    package var overview: Overview {
        Overview(
            fileSize: contents.chunks.fileSize, chunkCount: contents.entries.count,
            liveBytes: contents.live.reduce(0) { $0 &+ $1.length },
            eventCount: max(endEvent, firstEvent) &- firstEvent, damage: contents.ending,
            hasLive: contents.hasLive,
            incompleteBytes: state == .running ? 0 : contents.incompleteBytes)
    }

    /// Of a log that isn't finished and isn't being recorded: did its recorder die? Otherwise it ends early: it was cut
    /// or repaired, or its live file is lost.
    package var hasDied: Bool { contents.end.map { $0.ending == .died } ?? contents.hasLive }

    /// What a finished file says about the end of a log that has none.
    var missingEnd: LogEnd {
        hasDied && !isCut ? LogEnd(ending: .died, recorderErrno: recorderErrno) : LogEnd(ending: .cut)
    }

    /// Was its end cut off on purpose?
    package var isCut: Bool { contents.end.map { $0.ending == .cut } ?? contents.begin?.isCut ?? false }

    /// The end that the log has, also if that says that the log isn't whole.
    package var end: LogEnd? { contents.end }

    /// What the log lacks. Looks at the header of each chunk if it was repaired.
    package func gaps() throws(LogError) -> [LogGap] {
        guard contents.end?.ending == .damaged else { return [] }
        var gaps: [LogGap] = []
        let nextEvents = contents.entries.dropFirst().map(\.firstEvent) + [contents.chunkEvents]
        for (entry, next) in zip(contents.entries, nextEvents) {
            guard case .chunk(let header) = try contents.chunks.header(at: entry.offset), header.kind == .gap
            else { continue }
            let gap = try contents.chunks.gap(header, at: entry.offset)
            if gap.nextEvent == next { gaps.append(gap) }
        }
        return gaps
    }

    /// The icount of the end or, if there is none, of the last event. Seeks.
    package func lastIcount() throws(LogError) -> UInt64 {
        if let end = contents.end { return end.icount }
        guard endEvent > firstEvent else { return contents.begin?.icount ?? 0 }
        try seek(toEvent: endEvent &- 1)
        return try next()?.icount ?? 0
    }

    /// ``overview``, and the icount of the end or of the last good event. Then the next event is the first one.
    package func survey() throws(LogError) -> (overview: Overview, icount: UInt64) {
        var overview = overview
        for gap in try gaps() { overview.eventCount &-= min(gap.count, overview.eventCount) }
        defer { rewind() }
        do throws(LogError) {
            return (overview, try lastIcount())
        } catch {
            guard error.code == .damaged else { throw error }
            overview.damage = overview.damage ?? error
            return (overview, error.icount)
        }
    }

    /// An event before all those that have this icount or a higher one, and close to them.
    package func event(beforeIcount icount: UInt64) -> UInt64 {
        var (low, high) = (0, sourceCount)
        while low < high {
            let middle = low &+ (high &- low) / 2
            if firstIcount(of: middle) < icount { low = middle &+ 1 } else { high = middle }
        }
        return max(low > 0 ? firstEvent(of: low &- 1) : 0, firstEvent)
    }

    func firstIcount(of source: Int) -> UInt64 {
        let inChunks = contents.entries.count
        return source < inChunks
            ? contents.entries[source].firstIcount : contents.live[source &- inChunks].header.firstIcount
    }

    /// The place of the next event among the encoded bytes of its chunk or live segment.
    package var placeInSource: Int {
        guard let sourceStart else { return 0 }
        return decoder.pointee.cursor - sourceStart
    }

    /// Does a recorder write the log now? It may have ended since ``state`` was found; right after a kill the system
    /// still counts it as running.
    package var isStillRecorded: Bool {
        let (name, system) = (Syscalls.resolved(path), Syscalls())
        return [LogFiles.Suffix.newLive, LogFiles.Suffix.live].contains { suffix in
            guard case .success(let descriptor) = system.open(name + suffix, O_RDONLY | O_NONBLOCK) else {
                return false
            }
            defer { system.close(descriptor) }
            return system.isLocked(descriptor)
        }
    }
}

extension LogReader {
    /// The bytes of all events before compression. Looks at the header of each chunk.
    package func eventBytes() throws(LogError) -> UInt64 {
        var count = contents.live.reduce(UInt64(0)) { $0 &+ UInt64(truncatingIfNeeded: $1.length) }
        for entry in contents.entries {
            if case .chunk(let header) = try contents.chunks.header(at: entry.offset) {
                count &+= UInt64(header.rawLength)
            }
        }
        return count
    }
}
