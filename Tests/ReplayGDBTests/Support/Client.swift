import Glibc
import ReplaySystem

@testable import ReplayGDB

/// A debugger of the tests, at a socket. Its calls wait, for 20 s at most.
final class Client {
    private let descriptor: Int32
    private var reader = PacketReader()
    private var pending: [PacketReader.Input] = []

    init?(_ address: SocketAddress) {
        let family: Int32
        switch address {
        case .ip4: family = AF_INET
        case .ip6: family = AF_INET6
        case .unix: family = AF_UNIX
        }
        descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard address.withRaw({ connect(descriptor, $0, $1) }) == 0 else {
            Glibc.close(descriptor)
            return nil
        }
    }

    deinit { close() }

    private var isOpen = true

    func close() {
        if isOpen { Glibc.close(descriptor) }
        isOpen = false
    }

    func send(_ bytes: some Collection<UInt8>) {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }

    /// nil: the connection has ended, or nothing came in time.
    private func input() -> PacketReader.Input? {
        while pending.isEmpty {
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &bytes, bytes.count, 0)
            guard count > 0 else { return nil }
            pending = bytes.prefix(count).compactMap { reader.next($0) }
        }
        return pending.removeFirst()
    }

    /// The next packet.
    func packet() -> String? {
        while let input = input() {
            if case .packet(let content) = input { return String(decoding: content, as: UTF8.self) }
        }
        return nil
    }

    func ask(_ text: String) -> String? {
        send(Packet.framed(text.utf8))
        return packet()
    }

    /// Whether the other side closes the connection, perhaps after something else.
    var isClosed: Bool {
        while input() != nil {}
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, 0) == 0 || errno == ECONNRESET
    }
}
