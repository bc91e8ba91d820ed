import CReplay

/// Is on a thread's stack while a session calls its host there.
struct CallbackFrame {
    let session: ObjectIdentifier
    let isShutdown: Bool
    /// The outer frame, of this session or a different one.
    let outer: UnsafeMutableRawPointer?
}

/// Which callbacks of the host the calling thread is in.
extension Session {
    /// Calls the host for work that may lead to calls of the library.
    @inline(__always)
    func calling<Result>(isShutdown: Bool = false, _ work: () -> Result) -> Result {
        let thread = replay_thread_self()
        let outer = thread.pointee.callback
        var frame = CallbackFrame(session: ObjectIdentifier(self), isShutdown: isShutdown, outer: outer)
        return withUnsafeMutablePointer(to: &frame) { place in
            thread.pointee.callback = UnsafeMutableRawPointer(place)
            defer { thread.pointee.callback = outer }
            return work()
        }
    }

    var isCalling: Bool { hasFrame { _ in true } }
    /// Is the thread in the shutdown callback?
    var isDeliveringShutdown: Bool { hasFrame(\.isShutdown) }

    private func hasFrame(_ isWanted: (CallbackFrame) -> Bool) -> Bool {
        var next = replay_thread_self().pointee.callback
        while let place = next {
            let frame = place.assumingMemoryBound(to: CallbackFrame.self).pointee
            if frame.session == ObjectIdentifier(self), isWanted(frame) { return true }
            next = frame.outer
        }
        return false
    }
}
