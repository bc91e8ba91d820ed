import ReplayLog
import ReplaySystem

/// The failure that the session reports. Any thread writes and reads it.
final class ErrorBox: Sendable {
    private struct Content {
        var last: ReplayError?
        var isSticky = false
    }
    private let content = Locked(Content())

    /// Stores the failure of one call, unless there is a sticky one.
    func note(_ error: ReplayError) {
        content.withLock { if !$0.isSticky { $0.last = error } }
    }

    /// Stores a failure that stays. - Returns: false if there already was one.
    func stick(_ error: ReplayError) -> Bool {
        content.withLock { content in
            if content.isSticky { return false }
            content = Content(last: error, isSticky: true)
            return true
        }
    }

    /// The failure stays readable, but a new one may replace it.
    func loosen() { content.withLock { $0.isSticky = false } }

    func clear() { content.withLock { $0 = Content() } }

    var last: ReplayError? { content.withLock { $0.last } }
    var sticky: ReplayError? { content.withLock { $0.isSticky ? $0.last : nil } }
}
