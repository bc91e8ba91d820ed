import Glibc

/// Where a verb prints: standard output in large pieces, and complaints to standard error.
public final class ToolOutput {
    private var buffer: [UInt8] = []
    private let print: (UnsafeRawBufferPointer) -> Bool
    private let printComplaint: (String) -> Void
    /// The reader of the output has gone, or the disk is full: there is no point in going on.
    public private(set) var isBroken = false
    /// Does what is printed have colours?
    let hasColours: Bool
    /// Does a terminal show what is printed?
    private let isTerminal: Bool
    private var hasPrinted = false
    /// The bar of long work; nil: none is shown.
    private let progress: Progress?

    public convenience init(
        print: @escaping (UnsafeRawBufferPointer) -> Bool, complain: @escaping (String) -> Void
    ) {
        self.init(print: print, complain: complain, isTerminal: false, hasColours: false, progress: nil)
    }

    init(
        print: @escaping (UnsafeRawBufferPointer) -> Bool, complain: @escaping (String) -> Void,
        isTerminal: Bool, hasColours: Bool, progress: Progress?
    ) {
        self.isTerminal = isTerminal
        self.print = print
        printComplaint = complain
        self.hasColours = hasColours
        self.progress = progress
    }

    /// The process's own.
    public static func standard(colour: ColourChoice = .auto) -> ToolOutput {
        signal(SIGPIPE, SIG_IGN)
        return ToolOutput(
            print: { writeAll(1, $0) },
            complain: { sentence in
                var line = "replay-log: \(sentence)\n"
                line.withUTF8 { _ = writeAll(2, UnsafeRawBufferPointer($0)) }
            }, isTerminal: isatty(1) == 1, hasColours: colour.allowsColours(on: 1), progress: .standard())
    }

    private static func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = write(descriptor, rest.baseAddress, rest.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        }
        return true
    }

    func line(_ text: String = "") {
        buffer.append(contentsOf: text.utf8)
        buffer.append(UInt8(ascii: "\n"))
        if buffer.count >= 1 << 16 { flush() }
    }

    func add(_ bytes: [UInt8]) {
        buffer += bytes
        flush()
    }

    /// So much of a verb's work is done. Long work has a bar on the terminal, unless there are lines to be seen there.
    func progress(_ done: UInt64, of total: UInt64) {
        if !hasPrinted || !isTerminal { progress?.update(done, of: total) }
    }

    func complain(_ sentence: String) {
        flush()
        progress?.erase()
        printComplaint(sentence)
    }

    /// False: not everything could be printed.
    @discardableResult
    public func flush() -> Bool {
        progress?.erase()
        if !isBroken && !buffer.isEmpty {
            isBroken = !buffer.withUnsafeBytes(print)
            hasPrinted = true
        }
        buffer.removeAll(keepingCapacity: true)
        return !isBroken
    }
}
