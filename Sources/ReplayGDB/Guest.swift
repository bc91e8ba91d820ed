import Glibc
import ReplaySystem

/// The debugger that the server serves: its connection and its session. A session can outlast its connection, until
/// the machine is paused.
struct Guest {
    private let machine: any Debuggee
    private let system: Syscalls
    private var connection: Int32 = -1
    private var session: DebugSession?

    private static let bytesAtOnce = 1 << 14
    /// The other side has closed its half: `POLLRDHUP`.
    private static let closed: Int16 = 0x2000

    init(_ machine: any Debuggee, _ system: Syscalls) {
        self.machine = machine
        self.system = system
    }

    var isConnected: Bool { connection >= 0 }
    var isLeaving: Bool { session?.phase == .leaving }
    var isAttached: Bool { session.map { $0.phase != .new && $0.phase != .gone } ?? false }

    mutating func connect(_ descriptor: Int32) {
        connection = descriptor
        session = DebugSession(machine)
    }

    /// What to wait for.
    var polled: pollfd {
        var events: Int32 = 0
        if let session {
            if session.wantsInput { events |= POLLIN }
            if !session.output.isEmpty { events |= POLLOUT }
        }
        return pollfd(fd: connection, events: Int16(events) | Guest.closed, revents: 0)
    }

    /// Reads what has come, and notices the end of the connection.
    mutating func read(_ ready: Int16) {
        guard let session, isConnected else { return }
        let hasInput = session.wantsInput && ready & Int16(POLLIN) != 0
        if ready & Int16(POLLERR | POLLHUP) != 0 || ready & Guest.closed != 0 && !hasInput {
            session.leave()
            disconnect()
        } else if hasInput {
            receive(session)
        }
    }

    /// Sends what can be sent.
    mutating func write() {
        if let session { send(session) }
        if session?.phase == .gone, !isConnected { session = nil }
    }

    mutating func machineStopped() {
        session?.machineStopped()
    }

    /// The server ends.
    mutating func abandon() {
        session?.abandon()
        write()
        session = nil
        disconnect()
    }

    // MARK: Steps

    private mutating func receive(_ session: DebugSession) {
        let system = system
        let connection = connection
        var result: Syscalls.Result<Int?> = .success(nil)
        let bytes = [UInt8](unsafeUninitializedCapacity: Guest.bytesAtOnce) { bytes, count in
            result = system.receive(connection, into: UnsafeMutableRawBufferPointer(bytes))
            count = if case .success(let received?) = result { received } else { 0 }
        }
        switch result {
        case .success(nil): break
        case .success(0), .failure:
            session.leave()
            disconnect()
        case .success: session.receive(bytes)
        }
    }

    private mutating func send(_ session: DebugSession) {
        while isConnected, !session.output.isEmpty {
            switch session.output.withUnsafeBytes({ system.send(connection, $0) }) {
            case .success(nil): return
            case .success(let count?): session.sent(count)
            case .failure:
                session.leave()
                disconnect()
            }
        }
        if session.endsConnection { disconnect() }
    }

    private mutating func disconnect() {
        system.close(connection)
        connection = -1
    }
}
