/// What a host says of a disk that it opens.
package struct DiskConfiguration {
    /// Where writes go: the numbers of the C interface.
    package enum OverlayKind: Int32, CaseIterable, Sendable {
        /// A temporary one, but none in mode NONE.
        case usual = 0
        case temporary = 1
        /// A file of the host's choice, which stays.
        case file = 2
        /// To the backend.
        case off = 3
    }

    /// nil: "disk0" and so on.
    package var name: String?
    package var image: String?
    /// Instead of an image.
    package var backend: (any DiskBackend)?
    /// nil: the host gave one that doesn't exist.
    package var overlay: OverlayKind?
    package var overlayName: String?
    package var isReadOnly: Bool
    /// 0: the usual number.
    package var workers: UInt32
    /// Does the host submit again what was pending, when it loads its state?
    package var resubmits: Bool

    package init(
        name: String?, image: String?, backend: (any DiskBackend)?, overlay: OverlayKind?,
        overlayName: String?, isReadOnly: Bool, workers: UInt32, resubmits: Bool
    ) {
        self.name = name
        self.image = image
        self.backend = backend
        self.overlay = overlay
        self.overlayName = overlayName
        self.isReadOnly = isReadOnly
        self.workers = workers
        self.resubmits = resubmits
    }
}
