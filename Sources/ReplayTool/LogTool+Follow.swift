import Glibc
import ReplayLog

extension LogTool {
    /// Prints events from the reader's place on, and waits for new ones until the recorder ends.
    func follow(_ first: LogReader, _ filter: EventFilter, _ options: DumpOptions) throws(LogError)
        -> ToolExit
    {
        let path = first.path
        let pause = FollowPause()
        var reader = first
        /// The next event to print, once one has been read.
        var next: UInt64?
        while true {
            let isAtEnd = try dump(reader, filter, options) { index in
                next = index &+ 1
                // Whoever asks for the end needn't wait for all that is there already.
                return index & 0xfff != 0 || !pause.isInterrupted
            }
            guard isAtEnd, output.flush() else { return .fine }
            switch reader.state {
            case .finished(let end):
                let cause = "\(ShutdownCause.name(end.cause)) (\(end.cause)), exit code \(end.exitCode)"
                output.complain("\(path): the recorder finished at icount \(end.icount), cause \(cause)")
                return .fine
            case .died(let reason):
                output.complain("\(path): the recorder died: \(reason)")
                return .different
            case .running: break
            }
            guard pause.wait() else { return .fine }
            let identity = reader.identity
            reader = try pause.measuring { () throws(LogError) in try LogReader(path: path) }
            guard reader.identity == identity, reader.endEvent >= next ?? 0 else {
                output.complain("\(path) was replaced by another recording")
                return .different
            }
            if let next {
                try reader.seek(toEvent: max(next, reader.firstEvent))
            } else {
                try filter.enter(reader)
            }
        }
    }
}

/// The waiting of `--follow`, which Ctrl-C and the end of whoever reads the output end.
private final class FollowPause {
    private var signals = sigset_t()
    private var earlier = sigset_t()
    private var wasInterrupted = false
    /// To open a long log again takes some time: the pauses are longer then.
    private var milliseconds = 100

    init() {
        sigemptyset(&signals)
        sigaddset(&signals, SIGINT)
        sigaddset(&signals, SIGTERM)
        pthread_sigmask(SIG_BLOCK, &signals, &earlier)
    }

    deinit { pthread_sigmask(SIG_SETMASK, &earlier, nil) }

    var isInterrupted: Bool { isInterrupted(within: 0) }

    private func isInterrupted(within milliseconds: Int) -> Bool {
        if wasInterrupted { return true }
        var time = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
        if sigtimedwait(&signals, nil, &time) > 0 { wasInterrupted = true }
        return wasInterrupted
    }

    /// False: there is no point in going on.
    func wait() -> Bool {
        if isInterrupted(within: milliseconds) { return false }
        var standardOutput = pollfd(fd: 1, events: 0, revents: 0)
        return poll(&standardOutput, 1, 0) <= 0 || Int32(standardOutput.revents) & (POLLERR | POLLNVAL) == 0
    }

    /// Waiting takes at least ten times as long as opening.
    func measuring<Value>(_ open: () throws(LogError) -> Value) throws(LogError) -> Value {
        let start = ContinuousClock.now
        defer {
            let duration = (ContinuousClock.now - start).components
            let taken = duration.seconds &* 1000 &+ duration.attoseconds / 1_000_000_000_000_000
            milliseconds = min(max(100, Int(clamping: taken) &* 10), 5000)
        }
        return try open()
    }
}
