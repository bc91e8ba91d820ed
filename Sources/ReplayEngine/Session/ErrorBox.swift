import ReplayLog

/// The failure that the session tells. Any thread writes and reads it.
final class ErrorBox: Sendable {
    private struct Content {
        var last: ReplayError?
        var isSticky = false
    }
    private let content = Locked(Content())

    /// Keeps the failure of one call, unless a sticky one is there.
    func note(_ error: ReplayError) {
        content.withLock { if !$0.isSticky { $0.last = error } }
    }

    /// Keeps a failure that stays. - Returns: false if another one was first.
    func stick(_ error: ReplayError) -> Bool {
        content.withLock { content in
            if content.isSticky { return false }
            content = Content(last: error, isSticky: true)
            return true
        }
    }

    /// The failure stays readable, but another may take its place.
    func loosen() { content.withLock { $0.isSticky = false } }

    func clear() { content.withLock { $0 = Content() } }

    var last: ReplayError? { content.withLock { $0.last } }
    var sticky: ReplayError? { content.withLock { $0.isSticky ? $0.last : nil } }
}
