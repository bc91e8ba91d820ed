import Glibc

/// Where a verb prints: standard output in large pieces, and complaints to standard error.
public final class ToolOutput {
    private var buffer: [UInt8] = []
    private let print: (UnsafeRawBufferPointer) -> Bool
    private let printComplaint: (String) -> Void
    /// The reader of the output has gone, or the disk is full: there is no point in going on.
    public private(set) var isBroken = false

    public init(print: @escaping (UnsafeRawBufferPointer) -> Bool, complain: @escaping (String) -> Void) {
        self.print = print
        printComplaint = complain
    }

    /// The process's own.
    public static func standard() -> ToolOutput {
        signal(SIGPIPE, SIG_IGN)
        return ToolOutput(
            print: { writeAll(1, $0) },
            complain: { sentence in
                var line = "replay-log: \(sentence)\n"
                line.withUTF8 { _ = writeAll(2, UnsafeRawBufferPointer($0)) }
            })
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

    func complain(_ sentence: String) {
        flush()
        printComplaint(sentence)
    }

    /// False: not everything could be printed.
    @discardableResult
    public func flush() -> Bool {
        if !isBroken && !buffer.isEmpty { isBroken = !buffer.withUnsafeBytes(print) }
        buffer.removeAll(keepingCapacity: true)
        return !isBroken
    }
}
