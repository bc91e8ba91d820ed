// include/replay/gdb.h, in its order.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CReplay
import ReplayEngine
import ReplayGDB
import ReplaySystem

@_cdecl("replay_gdb_listen") @implementation
public func replay_gdb_listen(
    _ where: UnsafePointer<CChar>!, _ target: UnsafePointer<replay_gdb_target_t>!
) -> replay_status_t {
    withSession { session in
        guard let `where`, let target else {
            return session.misuse(.invalidArgument, "replay_gdb_listen needs an address and a target").code
        }
        let size = target.pointee.size
        guard sizeIfEnough(size, atLeast: MemoryLayout<replay_gdb_target_t>.size) != nil else {
            return session.misuse(.structSize, "the size of replay_gdb_target_t is \(size)").code
        }
        guard target.pointee.isUsable else {
            return session.misuse(
                .invalidArgument,
                "a replay_gdb_target_t needs read_register, read_memory, set_break and 1 to 1024 cpus"
            ).code
        }
        let address: ListenAddress
        do throws(ListenAddress.Mistake) {
            address = try ListenAddress(parsing: String(fileName: `where`))
        } catch {
            return session.misuse(.invalidArgument, error.description).code
        }
        return listen(session, address, target.pointee).code
    }
}

private func listen(_ session: Session, _ address: ListenAddress, _ target: replay_gdb_target_t) -> Status {
    session.listenForDebugger(isWaitedFor: address.isWaitedFor) { () throws(ReplayError) in
        let machine = SessionDebuggee(session, target)
        switch DebugServer.start(address.address, machine) {
        case .success(let server):
            session.tellUser("waiting for gdb at \(server.address.gdbText)")
            if !machine.targetXML.isEmpty, !TargetDescription(machine.targetXML).namesArchitecture {
                session.warnUser(
                    "the target description has no <architecture>: gdb rejects it, and watchpoints may stop one instruction off"
                )
            }
            return { [unowned session] in
                server.stop()
                session.withLock { machine.removeLeftovers() }
            }
        case .failure(let error):
            var failure = ReplayError(.system, "can't listen for gdb at \(address.address.text): \(error)")
            failure.systemError = error.number
            throw failure
        }
    }
}

extension replay_gdb_target_t {
    fileprivate var isUsable: Bool {
        read_register != nil && read_memory != nil && set_break != nil && (1...1024).contains(cpus)
            && big_endian <= 1 && reserved == 0
    }
}

@_cdecl("replay_gdb_attached") @implementation
public func replay_gdb_attached() -> Bool { withSession { $0.isDebuggerAttached } }
