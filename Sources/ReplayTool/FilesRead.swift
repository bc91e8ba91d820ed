import Glibc
import ReplayLog
import ReplaySystem

/// The files that a verb reads. It writes to none of them, whatever their names: links to one file have several.
enum FilesRead {
    /// Throws if one of the files to write, or the one in which it is prepared, is read.
    static func refuse(_ targets: String..., reading path: String) throws(LogError) {
        // What belongs to a log is beside it, and not beside a link to it.
        let name = Syscalls.resolved(path)
        let read = [path] + [".snap", ".live", ".live.new"].map { name + $0 }
        for target in targets {
            for written in [target, NewFile.part(of: target)] {
                if let file = read.first(where: { isSame($0, written) }) {
                    throw LogError(
                        .exists, "\(file) and \(written) are the same file; choose a different name")
                }
            }
        }
    }

    private static func isSame(_ a: String, _ b: String) -> Bool {
        var (statusA, statusB) = (stat(), stat())
        return a.withFileName { stat($0, &statusA) } == 0 && b.withFileName { stat($0, &statusB) } == 0
            && (statusA.st_dev, statusA.st_ino) == (statusB.st_dev, statusB.st_ino)
    }
}
