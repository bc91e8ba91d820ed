import ReplaySystem

/// What a snapshot has of the disks that the guest writes to.
struct DiskVersions {
    fileprivate var overlays: [(disk: UInt, version: OverlayVersion)] = []

    var isEmpty: Bool { overlays.isEmpty }
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
            kept.overlays.append((handle, version))
        }
        return kept
    }

    /// All overlays have the content of a snapshot again.
    func adopt(_ versions: DiskVersions) {
        for (handle, version) in versions.overlays { devices.disk(handle)?.overlay?.adopt(version) }
    }
}
