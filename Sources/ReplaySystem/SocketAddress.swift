import Glibc

/// Where a socket listens.
package enum SocketAddress: Equatable, Sendable {
    /// Four bytes and a port.
    case ip4([UInt8], UInt16)
    /// Sixteen bytes and a port.
    case ip6([UInt8], UInt16)
    /// A path.
    case unix(String)

    /// The longest path, in bytes: the kernel's limit, less a zero at the end.
    package static let longestPath = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

    var family: Int32 {
        switch self {
        case .ip4: AF_INET
        case .ip6: AF_INET6
        case .unix: AF_UNIX
        }
    }

    /// Calls `body` with the kernel's form. Bytes that don't fit are cut off.
    package func withRaw<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        switch self {
        case .ip4(let bytes, let port):
            var raw = sockaddr_in()
            raw.sin_family = sa_family_t(AF_INET)
            raw.sin_port = port.bigEndian
            SocketAddress.fill(&raw.sin_addr, bytes)
            return SocketAddress.pass(&raw, body)
        case .ip6(let bytes, let port):
            var raw = sockaddr_in6()
            raw.sin6_family = sa_family_t(AF_INET6)
            raw.sin6_port = port.bigEndian
            SocketAddress.fill(&raw.sin6_addr, bytes)
            return SocketAddress.pass(&raw, body)
        case .unix(let path):
            var raw = sockaddr_un()
            raw.sun_family = sa_family_t(AF_UNIX)
            SocketAddress.fill(&raw.sun_path, path.fileBytes.prefix(SocketAddress.longestPath))
            return SocketAddress.pass(&raw, body)
        }
    }

    private static func fill<Field>(_ field: inout Field, _ bytes: some Collection<UInt8>) {
        withUnsafeMutableBytes(of: &field) { $0.copyBytes(from: bytes.prefix($0.count)) }
    }

    private static func pass<Raw, Result>(
        _ raw: inout Raw, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        let size = socklen_t(MemoryLayout<Raw>.size)
        return withUnsafePointer(to: &raw) { raw in
            raw.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, size) }
        }
    }

    /// With the port that a socket has got.
    func with(port: UInt16) -> SocketAddress {
        switch self {
        case .ip4(let bytes, _): .ip4(bytes, port)
        case .ip6(let bytes, _): .ip6(bytes, port)
        case .unix: self
        }
    }
}
