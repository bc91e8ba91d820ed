import Glibc
import ReplaySystem
import Synchronization

/// Listens for a debugger in a thread of its own. One debugger at a time is served; another one's connection is closed
/// at once. After a debugger has gone, the next may come.
package final class DebugServer: Sendable {
    private let system: Syscalls
    private let listener: Int32
    /// Raised when the machine is paused and when the server shall end.
    private let event: Int32
    private let machine: any Debuggee
    private let socketFile: SocketFile?
    private let thread = Locked<LibraryThread?>(nil)
    private let isEnding = Atomic(false)
    private let attached = Atomic(false)

    /// Where it listens, with the port that the system has chosen if it was 0.
    package let address: SocketAddress

    /// From the first byte that a debugger sends until it has gone.
    package var isAttached: Bool { attached.load(ordering: .relaxed) }

    /// Starts to listen.
    package static func start(
        _ address: SocketAddress, _ machine: any Debuggee, _ system: Syscalls = Syscalls()
    ) -> Syscalls.Result<DebugServer> {
        SocketFile.makeRoom(address, system)
            .flatMap { system.listen(address) }
            .flatMap { listener in
                let file = SocketFile(listener.address, system)
                let server = system.makeEvent().map { event in
                    DebugServer(listener.descriptor, event, listener.address, file, machine, system)
                }
                if case .failure = server {
                    file?.remove()
                    system.close(listener.descriptor)
                }
                return server
            }
            .flatMap { server in server.startThread().map { server } }
    }

    private init(
        _ listener: Int32, _ event: Int32, _ address: SocketAddress, _ file: SocketFile?,
        _ machine: any Debuggee, _ system: Syscalls
    ) {
        self.listener = listener
        self.event = event
        self.address = address
        self.machine = machine
        self.system = system
        socketFile = file
    }

    private func startThread() -> Syscalls.Result<Void> {
        let result = system.startThread { [self] in serve() }
        switch result {
        case .success(let started): thread.withLock { $0 = started }
        case .failure: close()
        }
        return result.map { _ in }
    }

    /// Ends the thread and waits for that; a connection is closed, and its debugger detached.
    ///
    /// The caller must hold no lock that the machine needs for a call of the stub.
    package func stop() {
        guard !isEnding.exchange(true, ordering: .sequentiallyConsistent) else { return }
        system.raise(event)
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
        close()
    }

    private func close() {
        socketFile?.remove()
        system.close(listener)
        system.close(event)
    }

    // MARK: In the thread

    /// How long the machine may take to pause after a debugger has gone, in ms.
    private static let patience: Int32 = 2000

    private func serve() {
        let (event, system) = (event, system)
        machine.onStop { system.raise(event) }
        var guest = Guest(machine, system)
        var failures = 0
        // A machine whose connections can't be waited for is left alone.
        while !isEnding.load(ordering: .sequentiallyConsistent), failures < 100 {
            if turn(&guest) {
                failures = 0
            } else {
                failures &+= 1
                Syscalls.pause()
            }
        }
        guest.abandon()
        machine.onStop(nil)
        attached.store(false, ordering: .relaxed)
    }

    /// Waits for something and handles it. False: that failed.
    private func turn(_ guest: inout Guest) -> Bool {
        var polled = [pollfd(fd: event, events: Int16(POLLIN), revents: 0)]
        // The next debugger waits until the machine is ready for it.
        let listens = guest.isConnected || !guest.isLeaving
        polled.append(pollfd(fd: listens ? listener : -1, events: Int16(POLLIN), revents: 0))
        polled.append(guest.polled)
        // A machine whose loop has ended never becomes ready.
        let patience: Int32 = listens ? -1 : DebugServer.patience
        guard case .success = system.poll(&polled, milliseconds: patience), polled.count == 3 else {
            return false
        }
        if !listens, polled.allSatisfy({ $0.revents == 0 }) {
            guest.abandon()
            attached.store(false, ordering: .relaxed)
            return true
        }
        if polled[0].revents != 0 {
            system.lower(event)
            guest.machineStopped()
        }
        guest.read(polled[2].revents)
        // First, so that a debugger that has an answer is attached.
        attached.store(guest.isAttached, ordering: .relaxed)
        guest.write()
        if polled[1].revents != 0 { accept(&guest) }
        return true
    }

    private func accept(_ guest: inout Guest) {
        switch system.accept(listener) {
        // The host may have no descriptor left, for a while.
        case .failure: Syscalls.pause()
        case .success(nil): break
        case .success(let connection?):
            if guest.isConnected || guest.isLeaving {
                system.close(connection)
            } else {
                guest.connect(connection)
            }
        }
    }
}
