import ReplayLog
import ReplaySnapshots
import ReplaySystem

/// What a snapshot has of the disks that the guest writes to.
struct DiskVersions {
    fileprivate struct Kept {
        var handle: UInt
        var number: UInt64
        var length: Int64
        var version: OverlayVersion
        /// The guest doesn't write to the others.
        var isForFile: Bool
    }

    fileprivate var overlays: [Kept] = []

    var isEmpty: Bool { overlays.isEmpty }

    /// What `NAME.snap` has of them.
    var forFile: [DiskState] {
        overlays.filter(\.isForFile).map {
            DiskState(number: $0.number, length: UInt64(max($0.length, 0)), version: $0.version)
        }
    }
}

/// Disks and journeys.
extension Session {
    /// A disk that can't go back.
    var diskWithoutWay: ReplayError? {
        guard let disk = devices.allDisks.first(where: { !$0.canGoBack }) else { return nil }
        return ReplayError(
            .notSupported, "the guest writes to \(disk.name) without an overlay, and that can't be undone",
            device: disk.name)
    }

    /// The content of all overlays, for a snapshot. Nil: memory ran out.
    func keepDisks() -> DiskVersions? {
        var kept = DiskVersions()
        for (handle, disk) in devices.numberedDisks {
            guard let overlay = disk.overlay else { continue }
            guard kept.overlays.makeRoom(), let version = overlay.keep(diskLength: disk.length) else {
                return nil
            }
            kept.overlays.append(disk.kept(version, handle))
        }
        return kept
    }

    /// The same of a snapshot in a file. The overlays keep the content that they have.
    func loadDisks(_ disks: [FileDisk], from reader: SnapshotFileReader) throws(ReplayError) -> DiskVersions {
        var loaded = DiskVersions()
        for (handle, disk) in devices.numberedDisks where !disk.isReadOnly {
            guard let overlay = disk.overlay else { continue }
            guard let stored = disks.first(where: { $0.number == disk.number }) else {
                throw ReplayError(.position, "it doesn't have what the guest had written to \(disk.name)")
            }
            guard stored.length == UInt64(max(disk.length, 0)) else {
                throw ReplayError(
                    .position, "\(disk.name) had \(stored.length) bytes, and has \(disk.length) now")
            }
            guard loaded.overlays.makeRoom() else { throw ReplayError(.noMemory, "memory ran out") }
            let version = try overlay.load(stored.map, diskLength: disk.length) {
                (target, place) throws(LogError) in
                try reader.loadDisk(place, into: target)
            }
            loaded.overlays.append(disk.kept(version, handle))
        }
        return loaded
    }

    /// All overlays have the content of a snapshot again.
    func adopt(_ versions: DiskVersions) {
        for kept in versions.overlays { devices.disk(kept.handle)?.overlay?.adopt(kept.version) }
    }
}

extension BlockDisk {
    fileprivate func kept(_ version: OverlayVersion, _ handle: UInt) -> DiskVersions.Kept {
        DiskVersions.Kept(
            handle: handle, number: number, length: length, version: version, isForFile: !isReadOnly)
    }
}
