import CReplay
import ReplayEngine

/// A stream of the library that a callback of the host writes to or reads from, during the callback only.
struct HostStream {
    private final class Context {
        let output: Host.Output?
        let input: Host.Input?

        init(output: Host.Output? = nil, input: Host.Input? = nil) {
            (self.output, self.input) = (output, input)
        }
    }

    static func withOutput(
        _ output: Host.Output, _ body: (UnsafePointer<replay_stream_t>) -> Bool
    ) -> Bool {
        withoutActuallyEscaping(output) { run(Context(output: $0), body) }
    }

    static func withInput(
        _ input: Host.Input, _ body: (UnsafePointer<replay_stream_t>) -> Bool
    ) -> Bool {
        withoutActuallyEscaping(input) { run(Context(input: $0), body) }
    }

    private static func run(_ context: Context, _ body: (UnsafePointer<replay_stream_t>) -> Bool) -> Bool {
        var stream = replay_stream_t()
        stream.size = UInt32(MemoryLayout<replay_stream_t>.size)
        stream.opaque = Unmanaged.passUnretained(context).toOpaque()
        if context.output != nil {
            stream.write = { opaque, bytes, length in
                guard let output = HostStream.context(opaque)?.output else { return false }
                return output(UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : length))
            }
        }
        if context.input != nil {
            stream.read = { opaque, bytes, length in
                guard let input = HostStream.context(opaque)?.input else { return false }
                return input(UnsafeMutableRawBufferPointer(start: bytes, count: bytes == nil ? 0 : length))
            }
        }
        return withExtendedLifetime(context) { body(&stream) }
    }

    private static func context(_ opaque: UnsafeMutableRawPointer?) -> Context? {
        opaque.map { Unmanaged<Context>.fromOpaque($0).takeUnretainedValue() }
    }
}
