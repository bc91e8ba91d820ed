import CSystem
import Glibc

/// A file that is removed when a signal ends the program before it is complete.
package struct UnfinishedFile: ~Copyable {
    private let number: Int32

    /// From now on SIGHUP, SIGINT and SIGTERM do that. They belong to the program: the library doesn't call this.
    package static func removeAllOnSignals() { replay_unfinished_watch() }

    /// Holds these signals back until ``release(_:)``, which gets the result: while a file is made.
    package static func holdSignals() -> sigset_t {
        var before = sigset_t()
        replay_unfinished_hold(&before)
        return before
    }

    package static func release(_ before: sigset_t) {
        var before = before
        replay_unfinished_release(&before)
    }

    init(folder: Int32, name: String, file: Int32) {
        number = name.withFileName { replay_unfinished_add(folder, $0, file) }
    }

    deinit { replay_unfinished_forget(number) }
}
