import ReplayLog
import ReplaySystem

/// RECORD: only the last part of the run is kept (rrlast), from a snapshot on.
extension Session {
    /// In the configuration: what follows for other options.
    func prepareRing() throws(ReplayError) {
        guard options.last.isSet else { return }
        if options.snapshots == .off {
            throw ReplayError(
                .badOption, "rrlast needs snapshots, because what it keeps begins at one, but rrsnap is off")
        }
        if options.snapshots == .memory {
            let share = options.last.nanoseconds / 1_000_000 / Self.snapshotsInRing
            let spacing = options.last.nanoseconds > 0 ? min(max(share, 10), 500) : 500
            options.snapshots = .file(milliseconds: Int32(spacing))
        }
        guard options.last.bytes > 0 else { return }
        if options.segmentBytes == Options().segmentBytes {
            let most = options.last.bytes / Self.segmentsInRing
            options.segmentBytes = max(min(options.segmentBytes, Int(clamping: most)), 4096)
        }
        let least = UInt64(options.segmentBytes) * Self.leastSegments
        if options.last.bytes < least {
            throw ReplayError(
                .badOption,
                "rrlast=\(Self.size(options.last.bytes)) is too small: it must be at least \(Self.size(least)), "
                    + "\(Self.leastSegments) segments of \(Self.size(UInt64(options.segmentBytes))) (rrsegment)"
            )
        }
    }

    /// As a user writes it: 100K, 4M.
    private static func size(_ bytes: UInt64) -> String {
        if bytes > 0, bytes & 0xfffff == 0 { return "\(bytes >> 20)M" }
        return bytes > 0 && bytes & 0x3ff == 0 ? "\(bytes >> 10)K" : "\(bytes)"
    }

    /// Snapshots of the part that is kept, at least, if its length is given as a time.
    private static let snapshotsInRing: Int64 = 16
    private static let segmentsInRing: UInt64 = 64
    private static let leastSegments: UInt64 = 32

    /// At the start: why the recording can't keep only its last part.
    var refusalOfRing: ReplayError? {
        guard isRecording, options.last.isSet else { return nil }
        guard host.savesState else {
            return ReplayError(
                .notSupported,
                "rrlast is not possible: what it keeps begins at a snapshot, and the host's table has no save_state and "
                    + "load_state")
        }
        guard let disk = diskWithoutWay else { return nil }
        return ReplayError(.notSupported, "rrlast is not possible: \(disk.message)")
    }

    /// Is a snapshot due, so that the part that is kept can begin there?
    var isDueForRing: Bool {
        guard let writer, let ring = writer.ring else { return false }
        let limits = ring.limits
        if limits.bytes > 0,
            writer.bytesWritten &- travel.ringPlace.bytes >= limits.bytes / UInt64(Self.snapshotsInRing)
        {
            return true
        }
        return limits.nanoseconds > 0
            && realTime &- travel.ringPlace.time >= limits.nanoseconds / Self.snapshotsInRing
    }

    /// A snapshot was taken.
    func noteForRing() {
        guard let writer, let ring = writer.ring else { return }
        ring.noteStaged()
        travel.ringPlace = (writer.bytesWritten, realTime)
    }

    /// After the first look: without snapshots nothing could be given up.
    func checkRing() {
        guard let writer, writer.ring != nil, travel.snapshots?.isWritten != true else { return }
        let reason = travel.snapshots?.remarks.last ?? travel.obstacle ?? "there are no snapshots"
        writer.end(because: LogError(.unsupported, "rrlast can't keep the last part of the run: \(reason)"))
    }
}
