import Glibc
import ReplaySystem

/// Where a verb prints: standard output in large pieces, and complaints to standard error.
///
/// Logs and file names come from others: no text that is printed can control a terminal.
public final class ToolOutput {
    private var buffer: [UInt8] = []
    /// Returns an errno, or 0.
    private let print: (UnsafeRawBufferPointer) -> Int32
    private let printComplaint: (String) -> Void
    /// The reader of the output has gone, or the disk is full: there is no point in going on.
    public private(set) var isBroken = false
    /// Why the output can't be written; nil: it can, or nobody wants it any more.
    private(set) var failure: SystemError?
    /// Does what is printed have colours?
    let hasColours: Bool
    /// Does a terminal show what is printed?
    private let isTerminal: Bool
    private var hasPrinted = false
    /// Which of several equal parts of the work a verb is at.
    var stage: (number: UInt64, count: UInt64) = (1, 1)
    /// The bar of long work; nil: none is shown.
    private let progress: Progress?

    public convenience init(
        print: @escaping (UnsafeRawBufferPointer) -> Bool, complain: @escaping (String) -> Void
    ) {
        self.init(
            print: { print($0) ? 0 : EPIPE }, complain: complain, isTerminal: false, hasColours: false,
            progress: nil)
    }

    init(
        print: @escaping (UnsafeRawBufferPointer) -> Int32, complain: @escaping (String) -> Void,
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

    /// Returns an errno, or 0.
    private static func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int32 {
        var rest = bytes
        while !rest.isEmpty {
            let count = write(descriptor, rest.baseAddress, rest.count)
            let error = count < 0 ? errno : 0
            if error == EINTR { continue }
            if error == EAGAIN {
                // Whoever shares the terminal or pipe has asked for writes that don't wait.
                var place = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&place, 1, -1)
                continue
            }
            guard count > 0 else { return error }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        }
        return 0
    }

    func line(_ text: String = "") {
        let start = buffer.count
        buffer.append(contentsOf: text.utf8)
        if buffer[start...].contains(where: ToolOutput.needsLook) {
            buffer.removeSubrange(start...)
            buffer.append(contentsOf: harmless(text).utf8)
        }
        buffer.append(UInt8(ascii: "\n"))
        if buffer.count >= 1 << 16 { flush() }
    }

    /// A control character, or the first byte of one, or of what stands for a byte that isn't UTF-8.
    private static func needsLook(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == 0x7F || byte == 0xC2 || byte == 0xF4
    }

    /// Without control characters, except those of our own colours.
    private func harmless(_ text: String) -> String {
        var result = ""
        var rest = text.shown.unicodeScalars[...]
        while let scalar = rest.first {
            if hasColours, let sequence = Style.sequences.first(where: { rest.starts(with: $0) }) {
                result.unicodeScalars.append(contentsOf: sequence)
                rest = rest.dropFirst(sequence.count)
            } else {
                result.unicodeScalars.append(
                    scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar)
                rest = rest.dropFirst()
            }
        }
        return result
    }

    func add(_ bytes: [UInt8]) {
        buffer += bytes
        flush()
    }

    /// So much of a verb's work is done. Long work has a bar on the terminal, unless there are lines to be seen there.
    func progress(_ done: UInt64, of total: UInt64) {
        guard !hasPrinted || !isTerminal else { return }
        // Sizes are far below what would overflow; if not, a bar is wrong.
        progress?.update(
            (stage.number &- 1) &* total &+ min(done, total), of: stage.count &* total)
    }

    func complain(_ sentence: String) {
        flush()
        progress?.erase()
        printComplaint(harmless(sentence))
    }

    /// False: not everything could be printed.
    @discardableResult
    public func flush() -> Bool {
        progress?.erase()
        if !isBroken && !buffer.isEmpty {
            let error = buffer.withUnsafeBytes(print)
            isBroken = error != 0
            if isBroken && error != EPIPE && error != EBADF { failure = SystemError(error) }
            hasPrinted = true
        }
        buffer.removeAll(keepingCapacity: true)
        return !isBroken
    }
}
