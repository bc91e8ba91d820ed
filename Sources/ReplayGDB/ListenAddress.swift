import Glibc
import ReplaySystem

/// Where the stub listens, and whether the machine waits for a debugger, as a host or user writes it:
/// `PORT`, `tcp:PORT`, `tcp:HOST:PORT` or `unix:PATH`, each with `,nowait` at its end or not.
///
/// HOST is an address in digits, an IPv6 address in brackets, `localhost`, or `*` for all addresses of the machine.
/// No name server is asked, because that can take very long.
package struct ListenAddress: Equatable, Sendable {
    package let address: SocketAddress
    /// The machine is paused at its first instruction until a debugger lets it go on.
    package let isWaitedFor: Bool

    package struct Mistake: Error, Equatable, Sendable {
        /// A sentence without its end.
        package let description: String
    }

    package init(parsing text: String) throws(Mistake) {
        var bytes = text.fileBytes[...]
        let nowait = Array(",nowait".utf8)
        isWaitedFor = !bytes.elementsEqual(nowait) && !bytes.suffix(nowait.count).elementsEqual(nowait)
        if !isWaitedFor { bytes = bytes.dropLast(nowait.count) }
        if bytes.starts(with: "unix:".utf8) {
            address = try Self.path(bytes.dropFirst(5), text)
        } else {
            address = try Self.port(bytes.starts(with: "tcp:".utf8) ? bytes.dropFirst(4) : bytes, text)
        }
    }

    private static func path(_ bytes: ArraySlice<UInt8>, _ text: String) throws(Mistake) -> SocketAddress {
        guard !bytes.isEmpty, !bytes.contains(0) else {
            throw Mistake(description: "\"\(text.shown)\" has no path after unix:")
        }
        guard bytes.count <= SocketAddress.longestPath else {
            throw Mistake(
                description:
                    "the path in \"\(text.shown)\" is longer than \(SocketAddress.longestPath) bytes")
        }
        return .unix(String(fileBytes: bytes))
    }

    private static func port(_ bytes: ArraySlice<UInt8>, _ text: String) throws(Mistake) -> SocketAddress {
        let colon = UInt8(ascii: ":")
        let digits = bytes.lastIndex(of: colon).map { bytes[($0 &+ 1)...] } ?? bytes
        guard digits.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains),
            let port = UInt16(String(decoding: digits, as: UTF8.self))
        else {
            throw Mistake(
                description: "\"\(text.shown)\" has no port from 0 to 65535; "
                    + "must be PORT, tcp:PORT, tcp:HOST:PORT or unix:PATH, and may end with ,nowait")
        }
        let host = bytes.dropLast(digits.count)
        guard !host.isEmpty else { return .ip4([127, 0, 0, 1], port) }
        guard let address = address(String(decoding: host.dropLast(), as: UTF8.self), port) else {
            throw Mistake(
                description: "the host in \"\(text.shown)\" must be an address in digits "
                    + "(IPv6: in brackets), localhost or *")
        }
        return address
    }

    private static func address(_ host: String, _ port: UInt16) -> SocketAddress? {
        switch host {
        case "", "localhost": return .ip4([127, 0, 0, 1], port)
        case "*": return .ip4([0, 0, 0, 0], port)
        default: break
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            return numeric(String(host.dropFirst().dropLast()), AF_INET6, 16).map { .ip6($0, port) }
        }
        return numeric(host, AF_INET, 4).map { .ip4($0, port) }
    }

    private static func numeric(_ text: String, _ family: Int32, _ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        return inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }
}

extension SocketAddress {
    /// In the form that gdb's `target remote` takes: a UNIX socket is a path there.
    package var gdbText: String {
        if case .unix(let path) = self { path.shown } else { text }
    }

    /// In the form that ``ListenAddress`` reads.
    package var text: String {
        switch self {
        case .ip4(let bytes, let port): "tcp:\(bytes.map { String($0) }.joined(separator: ".")):\(port)"
        case .ip6(let bytes, let port): "tcp:[\(Self.shown(bytes))]:\(port)"
        case .unix(let path): "unix:\(path.shown)"
        }
    }

    private static func shown(_ bytes: [UInt8]) -> String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard bytes.count == 16, inet_ntop(AF_INET6, bytes, &text, socklen_t(text.count)) != nil else {
            return ""
        }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
