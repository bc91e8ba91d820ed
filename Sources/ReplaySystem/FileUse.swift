import Glibc

/// The files that the sessions of this process use, by identity and not by name. An overlay that
/// is also a log, for example, would destroy it.
///
/// A use ends with the last reference to it.
package final class FileUse: Sendable {
    package enum Kind: Sendable {
        case log
        case liveFile
        case replayedLog
        case image
        case writableImage
        case overlay
        case snapshots

        var description: String {
            switch self {
            case .log: "a log that this process records"
            case .liveFile: "the live file of a log that this process records"
            case .replayedLog: "a log that this process replays"
            case .image, .writableImage: "the image of a disk that this process uses"
            case .overlay: "the overlay of a disk that this process uses"
            case .snapshots: "a store of snapshots that this process uses"
            }
        }

        /// May a file be both at the same time? What is still being written may be read up to its last whole part.
        func agrees(with other: Kind) -> Bool {
            switch (self, other) {
            case (.replayedLog, .replayedLog), (.image, .image), (.log, .replayedLog), (.replayedLog, .log),
                (.snapshots, .snapshots):
                true
            default: false
            }
        }
    }

    /// A device, or a file on one.
    private struct Identity: Equatable {
        var device: UInt64
        var inode: UInt64

        init(_ status: stat) {
            let isDevice = status.st_mode & S_IFMT == S_IFBLK
            device = UInt64(isDevice ? status.st_rdev : status.st_dev)
            inode = isDevice ? UInt64.max : UInt64(status.st_ino)
        }
    }

    private struct Entry {
        var identity: Identity
        var kind: Kind
        var number: UInt64
    }

    private static let entries = Locked<(list: [Entry], last: UInt64)>(([], 0), lastsForEver: true)
    private let number: UInt64

    private init(number: UInt64) {
        self.number = number
    }

    deinit { end() }

    /// Called before the file is closed, because a new one may then get its number.
    package func end() {
        FileUse.entries.withLock { [number] entries in entries.list.removeAll { $0.number == number } }
    }

    /// What this process uses an open file for already.
    package static func conflict(_ descriptor: Int32) -> String? {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        let identity = Identity(status)
        return entries.withLock { entries in
            entries.list.first { $0.identity == identity }.map { description(of: $0) }
        }
    }

    private static func description(of entry: Entry) -> String {
        "the same file as \(entry.kind.description)"
    }

    /// Begins to use an open file, or returns what it is already used for.
    package static func begin(_ kind: Kind, _ descriptor: Int32) -> (use: FileUse?, conflict: String?) {
        var status = stat()
        // If its identity is unknown, a different call reports the error.
        guard fstat(descriptor, &status) == 0 else { return (nil, nil) }
        let identity = Identity(status)
        return entries.withLock { entries in
            if let other = entries.list.first(where: {
                $0.identity == identity && !$0.kind.agrees(with: kind)
            }) {
                return (nil, description(of: other))
            }
            entries.last &+= 1
            entries.list.append(Entry(identity: identity, kind: kind, number: entries.last))
            return (FileUse(number: entries.last), nil)
        }
    }
}
