import ReplaySystem
import Testing

@testable import ReplayGDB

/// Unmodified gdb against the fake machine.
@Suite(.enabled(if: GDB.isInstalled, "gdb-multiarch isn't installed"))
struct GDBTests {
    /// Runs gdb with the commands, connected to a server. Returns what it prints.
    private func debug(
        _ machine: FakeMachine = FakeMachine(isThreaded: true), _ commands: (_ connect: String) -> String
    ) throws -> [String] {
        let server = try DebugServer.start(.ip4([127, 0, 0, 1], 0), machine).get()
        defer {
            server.stop()
            machine.finish()
        }
        let connect = "target remote \(server.address.gdbText)"
        return GDB.run("set architecture riscv:rv64\n\(connect)\n\(commands(connect))")
    }

    /// Each text is in a line, in this order.
    private func expect(_ texts: [String], in lines: [String]) {
        var rest = lines[...]
        for text in texts {
            guard let index = rest.firstIndex(where: { $0.contains(text) }) else {
                Issue.record("\"\(text)\" isn't in what gdb printed:\n\(lines.joined(separator: "\n"))")
                return
            }
            rest = rest[(index + 1)...]
        }
    }

    private func printf(_ text: String, _ values: String) -> String { "printf \"\(text)\\n\", \(values)\n" }

    @Test func breakStepAndBack() throws {
        let state = printf("pc %lx a0 %ld", "$pc, $a0")
        let lines = try debug { _ in
            """
            maint flush register-cache
            reverse-continue
            \(state)break *0x1020
            continue
            \(state)stepi
            \(state)reverse-stepi
            \(state)continue
            \(state)delete
            reverse-stepi 3
            \(state)continue
            \(state)reverse-continue
            \(state)x/2i $pc
            info threads
            """
        }
        expect(
            [
                "No more reverse-execution history", "pc 1000 a0 0", "Breakpoint 1", "pc 1020 a0 1",
                "pc 1024 a0 1", "pc 1020 a0 1", "Breakpoint 1", "pc 1020 a0 2", "pc 1008 a0 1",
                "No more reverse-execution history", "pc 1010 a0 99", "No more reverse-execution history",
                "pc 1000 a0 0", "li\ta0,0", "lui\ta1,0x2", "vCPU 0",
            ], in: lines)
    }

    @Test func watchpoints() throws {
        let state = printf("pc %lx counter %ld", "$pc, *(long*)0x2000")
        let lines = try debug { _ in
            """
            reverse-continue
            watch *(long*)0x2000
            continue
            \(state)continue
            \(state)reverse-continue
            \(state)reverse-continue
            \(state)continue
            \(state)condition 1 *(long*)0x2000 == 40
            continue
            \(state)reverse-continue
            """
        }
        expect(
            [
                "Hardware watchpoint 1", "Old value = 0", "New value = 1", "pc 1010 counter 1",
                "Old value = 1", "New value = 2", "pc 1010 counter 2", "Old value = 2", "New value = 1",
                "pc 100c counter 1", "Old value = 1", "New value = 0", "pc 100c counter 0",
                "Old value = 0", "New value = 1", "pc 1010 counter 1",
                "New value = 40", "pc 1010 counter 40",
            ], in: lines)
    }

    @Test func conditionsNeedNoRoundTrips() throws {
        let machine = FakeMachine(isThreaded: true)
        let lines = try debug(machine) { _ in
            """
            reverse-continue
            break *0x1020 if $a0 == 50 && *(long*)0x2000 == 50
            set debug remote 1
            continue
            set debug remote 0
            \(printf("a0 %ld", "$a0"))reverse-continue
            break *0x1014 if $a0 == 7
            reverse-continue
            continue
            """
        }
        expect(["Breakpoint 1", "a0 50", "No more reverse-execution history", "Breakpoint 2"], in: lines)
        #expect(lines.filter { $0.contains("Packet received: T05") }.count == 1)
        #expect(machine.asked >= 50)
    }

    @Test func monitorAndReconnect() throws {
        let machine = FakeMachine(cpus: 2, isThreaded: true)
        let lines = try debug(machine) { connect in
            """
            monitor seek 20
            maint flush register-cache
            \(printf("pc %lx", "$pc"))info threads
            thread 2
            \(printf("pc %lx", "$pc"))monitor nonsense
            detach
            \(connect)
            break *0x1020
            reverse-continue
            disconnect
            \(connect)
            info threads
            kill
            """
        }
        expect(
            [
                "icount 20", "flush register-cache", "pc 100c", "vCPU 0", "vCPU 1", "pc 104",
                "there is no command nonsense", "detached", "Breakpoint 1", "vCPU 0",
            ], in: lines)
        #expect(!lines.contains { $0.contains("error") || $0.contains("Ignoring") })
        #expect(machine.breaks.isEmpty)
    }

    @Test func aLiveMachineIsChanged() throws {
        let lines = try debug(FakeMachine(end: nil, canReverse: false, isThreaded: true)) { _ in
            """
            set var $pc = 0x1000
            set var *(long*)0x2000 = 77
            \(printf("pc %lx counter %ld", "$pc, *(long*)0x2000"))stepi
            \(printf("pc %lx", "$pc"))reverse-stepi
            """
        }
        expect(["pc 1000 counter 77", "pc 1004", "does not support"], in: lines)
    }
}
