import Glibc
import ReplaySystem

/// What a recorder that died left behind, made one file.
extension LogReader {
    /// Writes all events as a log whose end says that its recorder died.
    package func seal(to file: NewFile) throws(LogError) {
        if let damage = contents.ending { throw damage }
        var writer = try LogFileWriter(
            file, segmentSize: contents.chunks.segmentSize(), metadata: metadataPayload(),
            begin: contents.begin)
        for source in 0..<sourceCount {
            try load(source: source)
            guard let start = sourceStart else { continue }
            let count = UInt32(truncatingIfNeeded: decoder.pointee.remaining)
            var chain = try chain(beforeSource: source)
            while decoder.pointee.remaining > 0 {
                let event = decoder.pointee.cursor
                guard decoder.pointee.skip() else {
                    throw LogError(
                        .damaged, "\(path) is damaged in event \(decoder.pointee.index)",
                        eventIndex: decoder.pointee.index, icount: decoder.pointee.icount)
                }
                chain = RunningChecksum.fold(chain, event: event, count: decoder.pointee.cursor - event)
            }
            let bytes = UnsafeRawBufferPointer(start: start, count: decoder.pointee.cursor - start)
            if count == 0 { continue }
            try writer.append(bytes, eventCount: count, endIcount: decoder.pointee.icount, chain: chain)
        }
        try writer.finish(missingEnd)
    }

    private func metadataPayload() throws(LogError) -> [UInt8] {
        guard case .chunk(let header) = try contents.chunks.header(at: UInt64(FileHeader.size)) else {
            return metadata.encoded(kinds: kinds)
        }
        let buffer = RawBuffer()
        try contents.chunks.read(header, at: UInt64(FileHeader.size), into: buffer)
        return Array(UnsafeRawBufferPointer(start: buffer.start, count: Int(header.rawLength)))
    }

    /// Removes the live files that belong to the log as it was read. Called when a sealed log has its name.
    ///
    /// - Returns: what could not be removed, as a sentence.
    package func removeLive() -> String? {
        let path = Syscalls.resolved(path)
        let system = Syscalls()
        guard let (folderPath, name) = Folder.split(path),
            case .success(let folder) = Folder.open(folderPath, system)
        else { return "the live file of \(path) could not be removed" }
        defer { folder.sync() }
        for suffix in [LogFiles.Suffix.live, LogFiles.Suffix.newLive] {
            guard case .success(let file) = folder.open(name + suffix, O_RDONLY) else { continue }
            // What isn't a live file, or is used, belongs to somebody else.
            guard !system.isLocked(file.descriptor),
                let live = try? LiveSnapshot(path: path + suffix, system: system),
                live.binding == nil || live.binding == UInt32(truncatingIfNeeded: contents.metadataChecksum),
                suffix.utf8.elementsEqual(LogFiles.Suffix.live.utf8) || !isPrepared(live, folder, name)
            else { continue }
            if case .failed(let error) = folder.remove(name + suffix, of: file) {
                return "\(path)\(suffix) could not be removed: \(error); \(path) doesn't need it"
            }
        }
        return nil
    }

    /// Is it, as `NAME.live.new`, the live file of a recording that was prepared and hasn't started?
    private func isPrepared(_ live: LiveSnapshot, _ folder: Folder, _ name: String) -> Bool {
        guard case .success(let prepared) = folder.status(name + LogFiles.Suffix.new) else { return false }
        return live.tie == UInt64(prepared.st_ino)
    }
}
