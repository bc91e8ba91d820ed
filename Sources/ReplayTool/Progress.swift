import Glibc

/// A bar for work that takes longer than a second: on standard error, if that is a terminal, and erased at the end.
///
/// Verbs call ``update(_:of:)`` as often as they like, but not for each event.
final class Progress {
    private let now: () -> UInt64
    private let write: (String) -> Void
    /// The columns of the terminal; nil: nothing is shown.
    private let columns: () -> Int?
    private let start: UInt64
    private var nextDrawing: UInt64
    private var isVisible = false
    /// The share of the work that was shown last. The bar doesn't go back when short work is repeated.
    private var reached = 0.0

    private static let second: UInt64 = 1_000_000_000
    private static let interval = second / 10
    private static let longestBar = 40

    /// - Parameter now: a monotonic clock in ns.
    init(now: @escaping () -> UInt64, columns: @escaping () -> Int?, write: @escaping (String) -> Void) {
        self.now = now
        self.columns = columns
        self.write = write
        start = now()
        nextDrawing = start &+ Progress.second
    }

    /// So much of the work is done.
    func update(_ done: UInt64, of total: UInt64) {
        let time = now()
        guard time >= nextDrawing, let columns = columns() else { return }
        let share = total > 0 ? Double(done) / Double(total) : 0
        guard share >= reached else { return }
        reached = share
        nextDrawing = time &+ Progress.interval
        isVisible = true
        write("\r" + Progress.line(min(done, total), total, time &- start, columns) + "\u{1B}[K")
    }

    /// Something else is to be printed.
    func erase() {
        guard isVisible else { return }
        isVisible = false
        write("\r\u{1B}[K")
    }

    /// `[=====>    ]  50 %  3 s left`, as much of it as fits.
    static func line(_ done: UInt64, _ total: UInt64, _ elapsed: UInt64, _ columns: Int) -> String {
        let share = total > 0 ? Double(done) / Double(total) : 0
        let percent = "\(Columns.right(String(Int(share * 100)), 3)) %"
        var text = percent
        // A guess from less than a hundredth would jump.
        if share >= 0.01 {
            let left = Double(elapsed) / Double(second) * (1 - share) / share
            text += "  \(duration(left)) left"
        }
        let room = min(columns - text.count - 5, longestBar)
        guard room >= 5 else { return String(text.prefix(max(0, columns - 1))) }
        let filled = Int(share * Double(room))
        let bar = String(repeating: "=", count: filled) + (filled < room ? ">" : "")
        return "[\(Columns.left(bar, room))] \(text)"
    }

    private static func duration(_ seconds: Double) -> String {
        let seconds = Int(min(max(seconds, 0), 359_999).rounded(.up))
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return "\(seconds / 60) min \(seconds % 60) s" }
        return "\(seconds / 3600) h \(seconds % 3600 / 60) min"
    }
}

extension Progress {
    /// On standard error.
    static func standard() -> Progress {
        Progress(
            now: {
                var time = timespec()
                clock_gettime(CLOCK_MONOTONIC, &time)
                return UInt64(time.tv_sec) &* second &+ UInt64(time.tv_nsec)
            },
            columns: {
                // Another program that gets the output may have the terminal, less for example.
                var output = stat()
                guard isatty(2) == 1, fstat(1, &output) == 0, output.st_mode & S_IFMT != S_IFIFO else {
                    return nil
                }
                var size = winsize()
                return ioctl(2, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
            },
            write: { text in
                var text = text
                text.withUTF8 { _ = Glibc.write(2, $0.baseAddress, $0.count) }
            })
    }
}
