import Glibc
import Testing

@testable import ReplaySystem

@Suite struct SyscallTests {
    /// A file without a name, closed at the end.
    private func withFile(_ faults: SyscallFaults? = nil, _ body: (Syscalls, Int32) throws -> Void) throws {
        let system = Syscalls(faults: faults)
        let descriptor = try Syscalls().openUnnamed(in: "/tmp").get()
        defer { system.close(descriptor) }
        try body(system, descriptor)
    }

    private func write(_ bytes: [UInt8], _ system: Syscalls, _ descriptor: Int32) -> Syscalls.Result<Void> {
        bytes.withUnsafeBytes { system.write(descriptor, $0, at: 0) }
    }

    @Test func shortTransfersGoOn() throws {
        let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0) }
        try withFile(SyscallFaults { _, count in .short(1 + count % 99) }) { system, descriptor in
            try write(bytes, system, descriptor).get()
            #expect(try system.length(descriptor).get() == 5000)
            var read = [UInt8](repeating: 0, count: 6000)
            let count = try read.withUnsafeMutableBytes { system.read(descriptor, into: $0, at: 0) }.get()
            #expect(Array(read.prefix(count)) == bytes)
        }
    }

    @Test(arguments: SyscallFaults.Call.allCases)
    func everyCallCanBeMadeToFail(_ call: SyscallFaults.Call) throws {
        let faults = SyscallFaults { asked, _ in asked == call ? .fail(EDOM) : .pass }
        try withFile(faults) { system, descriptor in
            let size = 4096
            var byte: UInt8 = 1
            let read = withUnsafeMutableBytes(of: &byte) { system.read(descriptor, into: $0, at: 0) }
            var results: [SyscallFaults.Call: Result<Void, SystemError>] = [
                .open: system.openUnnamed(in: "/tmp").map { system.close($0) },
                .lock: system.lock(descriptor), .allocate: system.allocate(descriptor, size: size),
                .map: system.map(descriptor, size: size).map { system.unmap($0, size: size) },
                .stat: system.status(descriptor).map { _ in }, .seek: system.length(descriptor).map { _ in },
                .read: read.map { _ in }, .write: write([1], system, descriptor),
                .truncate: system.truncate(descriptor, size: 1), .hole: system.makeHole(descriptor, 0..<1),
                .sync: system.sync(descriptor), .thread: system.startThread {}.map { $0.join() },
            ]
            results.merge(try socketResults(system)) { first, _ in first }
            for (made, result) in results where made == call {
                guard case .failure(EDOM) = result else {
                    Issue.record("\(call) didn't fail")
                    continue
                }
            }
            #expect(results[call] != nil || [.rename, .unlink, .watch, .scan].contains(call))
        }
    }

    /// Of the calls on sockets and events.
    private func socketResults(_ system: Syscalls) throws -> [SyscallFaults.Call: Result<Void, SystemError>] {
        let loopback = SocketAddress.ip4([127, 0, 0, 1], 0)
        let (listener, _) = try Syscalls().listen(loopback).get()
        defer { system.close(listener) }
        let listening = system.listen(loopback).map { system.close($0.descriptor) }
        var byte: UInt8 = 1
        var none: [pollfd] = []
        return [
            .socket: listening, .bind: listening, .listen: listening,
            .accept: system.accept(listener).map { system.close($0 ?? -1) },
            .connect: system.isListening(path: "/nowhere").map { _ in },
            .receive: withUnsafeMutableBytes(of: &byte) { system.receive(listener, into: $0) }.map { _ in },
            .send: withUnsafeBytes(of: &byte) { system.send(listener, $0) }.map { _ in },
            .poll: system.poll(&none, milliseconds: 0), .event: system.makeEvent().map { system.close($0) },
        ]
    }

    @Test func socketsAndEvents() throws {
        let system = Syscalls()
        let path = "/tmp/replay-socket-\(getpid())"
        let (listener, _) = try system.listen(.unix(path)).get()
        #expect(try system.isListening(path: path).get())
        let connection = try #require(try system.accept(listener).get())
        #expect(try system.accept(listener).get() == nil)
        // The loss of the other computer is noticed.
        var isAsked: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        #expect(getsockopt(connection, SOL_SOCKET, SO_KEEPALIVE, &isAsked, &size) == 0)
        #expect(isAsked == 1)
        // The other side has closed: the end is read, and sending fails without a signal.
        var byte: UInt8 = 1
        #expect(try withUnsafeMutableBytes(of: &byte) { system.receive(connection, into: $0) }.get() == 0)
        var isSent = true
        for _ in 0..<1000 where isSent {
            if case .failure = withUnsafeBytes(of: &byte, { system.send(connection, $0) }) { isSent = false }
        }
        #expect(!isSent)
        system.close(connection)
        system.close(listener)
        #expect(try !system.isListening(path: path).get())
        try system.unlink(path, in: AT_FDCWD).get()
        #expect(try !system.isListening(path: path).get())
        let (other, address) = try system.listen(.ip4([127, 0, 0, 1], 0)).get()
        #expect(address != .ip4([127, 0, 0, 1], 0))
        system.close(other)

        let event = try system.makeEvent().get()
        var polled = [pollfd(fd: event, events: Int16(POLLIN), revents: 0)]
        try system.poll(&polled, milliseconds: 0).get()
        #expect(polled[0].revents == 0)
        system.raise(event)
        system.raise(event)
        try system.poll(&polled, milliseconds: 0).get()
        #expect(polled[0].revents != 0)
        system.lower(event)
        try system.poll(&polled, milliseconds: 0).get()
        #expect(polled[0].revents == 0)
        system.close(event)
    }

    @Test func anErrorHasItsNumberAndASentence() {
        #expect(SystemError(ENOSPC).description == "no space is left on the device")
        #expect(SystemError(EINVAL, "it is a folder").description == "it is a folder")
        #expect(SystemError(EIO).guestResult == -EIO)
        guard case .failure(ENOENT) = Syscalls().status(path: "/nowhere/at/all") else {
            Issue.record("a path that leads nowhere has a status")
            return
        }
    }
}
