import CReplay
import CSystem
import Glibc

/// The calls on sockets and event counters. None of them waits, except ``poll(_:milliseconds:)``.
extension Syscalls {
    // MARK: Sockets

    /// A socket that listens at an address; its port is chosen by the system if it is 0.
    package func listen(_ address: SocketAddress) -> Result<(descriptor: Int32, address: SocketAddress)> {
        socket(address).flatMap { descriptor in
            let result = bind(descriptor, address)
                .flatMap { listen(descriptor) }
                .flatMap { port(descriptor, address) }
                .map { (descriptor: descriptor, address: $0) }
            if case .failure = result { close(descriptor) }
            return result
        }
    }

    /// Whether a program listens at a UNIX socket's file: a connection is made, and closed.
    package func isListening(path: String) -> Result<Bool> {
        let address = SocketAddress.unix(path)
        return socket(address).flatMap { descriptor in
            defer { close(descriptor) }
            if let error = fault(.connect) { return .failure(error) }
            switch attempt({ address.withRaw { Glibc.connect(descriptor, $0, $1) } }) {
            // As many programs as can wait there do so already.
            case .success, .failure(EAGAIN): return .success(true)
            case .failure(ECONNREFUSED), .failure(ENOENT): return .success(false)
            case .failure(let error): return .failure(error)
            }
        }
    }

    /// nil: none is there.
    package func accept(_ listener: Int32) -> Result<Int32?> {
        if let error = fault(.accept) { return .failure(error) }
        return orNothing(made { replay_accept(listener) })
    }

    /// Up to `bytes.count` bytes; nil: none is there. 0: the other side has closed.
    package func receive(_ descriptor: Int32, into bytes: UnsafeMutableRawBufferPointer) -> Result<Int?> {
        switch wanted(.receive, bytes.count) {
        case .failure(let error): .failure(error)
        case .success(let count): orNothing(retry { recv(descriptor, bytes.baseAddress, count, 0) })
        }
    }

    /// The number of bytes that were sent; nil: none for now.
    package func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Result<Int?> {
        switch wanted(.send, bytes.count) {
        case .failure(let error): .failure(error)
        case .success(let count): orNothing(retry { replay_send(descriptor, bytes.baseAddress, count) })
        }
    }

    /// Waits; -1: without limit.
    package func poll(_ descriptors: inout [pollfd], milliseconds: Int32) -> Result<Void> {
        if let error = fault(.poll) { return .failure(error) }
        let count = nfds_t(descriptors.count)
        return attempt { Glibc.poll(&descriptors, count, milliseconds) }
    }

    // MARK: Event counters

    /// A descriptor that ``poll(_:milliseconds:)`` returns for from a ``raise(_:)`` to a ``lower(_:)``.
    package func makeEvent() -> Result<Int32> {
        if let error = fault(.event) { return .failure(error) }
        return made { replay_event() }
    }

    /// From any thread.
    package func raise(_ event: Int32) {
        var one: UInt64 = 1
        _ = retry { Glibc.write(event, &one, MemoryLayout<UInt64>.size) }
    }

    package func lower(_ event: Int32) {
        var count: UInt64 = 0
        _ = retry { Glibc.read(event, &count, MemoryLayout<UInt64>.size) }
    }

    // MARK: Steps

    private func socket(_ address: SocketAddress) -> Result<Int32> {
        if let error = fault(.socket) { return .failure(error) }
        return made { replay_socket(address.family) }
    }

    private func bind(_ descriptor: Int32, _ address: SocketAddress) -> Result<Void> {
        if let error = fault(.bind) { return .failure(error) }
        return attempt { address.withRaw { Glibc.bind(descriptor, $0, $1) } }
    }

    private func listen(_ descriptor: Int32) -> Result<Void> {
        if let error = fault(.listen) { return .failure(error) }
        return attempt { Glibc.listen(descriptor, 64) }
    }

    private func port(_ descriptor: Int32, _ address: SocketAddress) -> Result<SocketAddress> {
        if case .unix = address { return .success(address) }
        // The port is at the same place in the forms of IPv4 and IPv6.
        var raw = sockaddr_in6()
        var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let result = attempt {
            withUnsafeMutablePointer(to: &raw) { raw in
                raw.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    getsockname(descriptor, $0, &size)
                }
            }
        }
        return result.map { address.with(port: UInt16(bigEndian: raw.sin6_port)) }
    }

    /// A forked child doesn't keep the descriptor.
    private func made(_ call: () -> Int32) -> Result<Int32> {
        let result = retry(call)
        if case .success(let descriptor) = result { replay_fork_own(descriptor, true) }
        return result
    }

    private func wanted(_ call: Call, _ count: Int) -> Result<Int> {
        switch faults?.action(call) ?? .pass {
        case .pass: .success(count)
        case .fail(let error): .failure(SystemError(error))
        case .short(let most): .success(max(1, min(count, most)))
        }
    }

    private func orNothing<Value>(_ result: Result<Value>) -> Result<Value?> {
        switch result {
        case .failure(EAGAIN): .success(nil)
        case .failure(let error): .failure(error)
        case .success(let value): .success(value)
        }
    }
}
