import Glibc
import ReplaySystem
import Testing

@testable import ReplayGDB

@Suite struct ServerTests {
    private let loopback = SocketAddress.ip4([127, 0, 0, 1], 0)
    private var path: String { "/tmp/replay-gdb-\(getpid())-\(UInt32.random(in: 0 ... .max))" }

    /// A machine that runs in its own thread, and a server.
    private func withServer(
        _ address: SocketAddress? = nil, _ machine: FakeMachine = FakeMachine(isThreaded: true),
        _ body: (DebugServer, FakeMachine) throws -> Void
    ) throws {
        let server = try DebugServer.start(address ?? loopback, machine).get()
        defer {
            server.stop()
            machine.finish()
        }
        try body(server, machine)
    }

    /// Waits for something that another thread does.
    private func eventually(_ condition: () -> Bool) -> Bool {
        for _ in 0..<20_000 {
            if condition() { return true }
            Syscalls.pause()
        }
        return false
    }

    @Test func eachKindOfAddress() throws {
        let file = path
        for address in [loopback, .ip6([UInt8](repeating: 0, count: 15) + [1], 0), .unix(file)] {
            if case .ip6 = address, case .failure = Syscalls().listen(address) { continue }
            try withServer(address) { server, _ in
                let client = try #require(Client(server.address))
                #expect(client.ask("?") == "T05thread:1;")
                #expect(server.isAttached)
                #expect(client.ask("bc") == "T05replaylog:begin;thread:1;")
            }
        }
        #expect(access(file, F_OK) == -1)
    }

    @Test func anOldSocketFileIsReplaced() throws {
        let file = path
        // Bound, then closed: the file stays.
        let old = try Syscalls().listen(.unix(file)).get()
        guard case .failure(EADDRINUSE) = DebugServer.start(.unix(file), FakeMachine()) else {
            Issue.record("two listen at one file")
            return
        }
        Syscalls().close(old.descriptor)
        try withServer(.unix(file)) { server, _ in #expect(Client(server.address)?.ask("qC") == "QC1") }
        let plain = try Syscalls().open(file, O_CREAT | O_RDWR).get()
        Syscalls().close(plain)
        guard case .failure(EADDRINUSE) = DebugServer.start(.unix(file), FakeMachine()) else {
            Issue.record("a plain file was replaced")
            return
        }
        #expect(unlink(file) == 0)
        guard case .failure(ENOENT) = DebugServer.start(.unix("/nowhere/at/all"), FakeMachine()) else {
            Issue.record("a socket in a folder that doesn't exist")
            return
        }
        // A file that has replaced the server's stays.
        try withServer(.unix(file)) { _, _ in
            #expect(unlink(file) == 0)
            Syscalls().close(try Syscalls().open(file, O_CREAT | O_RDWR).get())
        }
        #expect(unlink(file) == 0)
    }

    @Test func oneDebuggerAtATime() throws {
        try withServer { server, machine in
            let first = try #require(Client(server.address))
            #expect(first.ask("qC") == "QC1")
            let second = try #require(Client(server.address))
            #expect(second.isClosed)
            #expect(first.ask("Z0,1020,4") == "OK")
            #expect(first.ask("bc") != nil)
            first.close()
            // Breaks are removed, and the machine goes on; then the next debugger may come.
            #expect(eventually { machine.detaches == 1 && !server.isAttached })
            for round in 2...4 {
                let next = try #require(Client(server.address))
                #expect(next.ask("c") == "T05replaylog:end;thread:1;")
                #expect(next.ask("D") == "OK")
                #expect(next.isClosed)
                #expect(eventually { machine.detaches == round && !server.isAttached })
            }
        }
    }

    @Test func aConnectionWithoutAByteLeavesTheMachineAlone() throws {
        try withServer { server, machine in
            let client = try #require(Client(server.address))
            let second = try #require(Client(server.address))
            #expect(second.isClosed)
            #expect(machine.attaches == 0 && !server.isAttached)
            client.close()
            #expect(eventually { Client(server.address)?.ask("qC") == "QC1" })
        }
    }

    @Test func ctrlCStopsTheMachine() throws {
        try withServer(nil, FakeMachine(end: nil, canReverse: false, isThreaded: true)) { server, machine in
            let client = try #require(Client(server.address))
            #expect(client.ask("?") == "T05thread:1;")
            for _ in 0..<20 {
                client.send(Packet.framed("c".utf8))
                // Only Ctrl-C and goodbye are for a machine that runs.
                #expect(client.ask("g") == "E10")
                client.send([3])
                #expect(client.packet() == "T02thread:1;")
            }
            client.send(Packet.framed("vCont;c".utf8))
            client.close()
            #expect(eventually { machine.detaches == 1 })
        }
    }

    @Test func stoppingEndsEverything() throws {
        // While a debugger is connected, while the machine runs, and with nobody there.
        for packets in [["?"], ["Z0,1000,4", "?"], []] {
            let machine = FakeMachine(end: nil, canReverse: false, isThreaded: true)
            let server = try DebugServer.start(loopback, machine).get()
            let client = try #require(Client(server.address))
            for packet in packets { #expect(client.ask(packet) != nil) }
            client.send(Packet.framed("c".utf8))
            #expect(eventually { machine.stop == nil })
            server.stop()
            server.stop()
            if !packets.isEmpty { #expect(client.packet() == "W00") }
            #expect(client.isClosed)
            #expect(Client(server.address) == nil)
            machine.finish()
        }
    }

    /// Its loop has ended. The next debugger doesn't wait for the one before for ever.
    @Test func aMachineThatNeverStandsStillHasTheNextDebugger() throws {
        let machine = FakeMachine(isThreaded: true)
        machine.finish()
        machine.forgetStop()
        let server = try DebugServer.start(loopback, machine).get()
        defer { server.stop() }
        for count in 1...2 {
            let client = try #require(Client(server.address))
            client.send(Packet.framed("g".utf8))
            #expect(eventually { server.isAttached })
            client.close()
            #expect(eventually { !server.isAttached && machine.detaches == count })
        }
    }

    @Test func aMachineThatNeverStandsStill() throws {
        // Nothing runs it, as a host that doesn't call the library.
        let machine = FakeMachine(isThreaded: true)
        machine.finish()
        machine.forgetStop()
        let server = try DebugServer.start(loopback, machine).get()
        let client = try #require(Client(server.address))
        #expect(client.ask("qSupported")?.hasPrefix("PacketSize") == true)
        client.send(Packet.framed("g".utf8))
        client.close()
        #expect(eventually { Client(server.address) != nil })
        server.stop()
        #expect(machine.detaches == 1)
    }

    @Test(arguments: [SyscallFaults.Call.socket, .bind, .listen, .event, .thread])
    func aServerThatCannotStartSaysWhy(_ call: SyscallFaults.Call) throws {
        let file = path
        for address in [loopback, .unix(file)] {
            let system = Syscalls(faults: SyscallFaults { made, _ in made == call ? .fail(EDOM) : .pass })
            guard case .failure(EDOM) = DebugServer.start(address, FakeMachine(), system) else {
                Issue.record("it started although \(call) failed")
                continue
            }
        }
        unlink(file)
    }

    @Test(arguments: [SyscallFaults.Call.accept, .receive, .send, .poll])
    func aFailureEndsAtMostTheConnection(_ call: SyscallFaults.Call) throws {
        // Each third call fails, and others transfer one byte.
        let system = Syscalls(
            faults: SyscallFaults { made, count in
                made == call && count % 3 == 1 ? .fail(EIO) : .short(1)
            })
        let machine = FakeMachine(isThreaded: true)
        let server = try DebugServer.start(loopback, machine, system).get()
        #expect(eventually { Client(server.address)?.ask("?") != nil || call == .receive || call == .send })
        for _ in 0..<20 { _ = Client(server.address)?.ask("?") }
        server.stop()
        machine.finish()
    }

    @Test func bytesOneByOne() throws {
        let system = Syscalls(faults: SyscallFaults { _, _ in .short(1) })
        let machine = FakeMachine(isThreaded: true)
        let server = try DebugServer.start(loopback, machine, system).get()
        let client = try #require(Client(server.address))
        #expect(client.ask("bc") == "T05replaylog:begin;thread:1;")
        #expect(client.ask("g")?.count == 33 * 16)
        server.stop()
        machine.finish()
    }

    @Test func aDebuggerThatNeverReads() throws {
        try withServer { server, machine in
            let client = try #require(Client(server.address))
            for _ in 0..<2_000 { client.send(Packet.framed("m0,2000".utf8)) }
            client.close()
            #expect(eventually { machine.detaches == 1 })
        }
    }
}
