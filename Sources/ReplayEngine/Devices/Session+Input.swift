import CReplay
import Glibc
import ReplayLog
import ReplaySystem

/// Input from outside: network packets, and input from the user.
extension Session {
    // MARK: Network

    package func registerNet(
        _ receive:
            @escaping @convention(c) (UnsafeMutableRawPointer?, UInt32, UnsafePointer<UInt8>?, Int) -> Void,
        _ opaque: UnsafeMutableRawPointer?
    ) -> UInt? {
        if forkRefusal != nil { return nil }
        if isStarted {
            misuse(.wrongState, "a network filter was registered after the start")
            return nil
        }
        return devices.addFilter(receive, opaque)
    }

    package func unregisterNet(_ handle: UInt) -> Status {
        if let refusal = refusalWithoutRole("replay_unregister_net") { return refusal }
        guard let filter = devices.removeFilter(handle) else {
            return misuse(.invalidArgument, "the network filter is not registered")
        }
        filter.isGone = true
        queue.inbox.drop { if case .net(let queued, _, _) = $0 { queued === filter } else { false } }
        return .ok
    }

    package func netPacket(_ handle: UInt, _ flags: UInt32, _ pieces: [iovec], length: Int) -> Status {
        if let forkRefusal { return forkRefusal }
        guard let filter = devices.filter(handle) else {
            return misuse(.invalidArgument, "the network filter is not registered")
        }
        guard let copy = RawBuffer(pieces, count: length) else {
            return misuse(.noMemory, "memory ran out for a packet of \(length) bytes")
        }
        return post(.net(filter, flags: flags, copy))
    }

    // MARK: Input

    package func inputEvent(_ input: InputFields) -> Status {
        guard input.exists else {
            return misuse(.invalidArgument, "input kind \(input.kind) does not exist")
        }
        if let origin = input.origin, origin.port >= InputFields.mostPorts {
            return misuse(.invalidArgument, "the port \(origin.port) of an input event is above 65535")
        }
        guard isConfigured else {
            return inputIsLost(input.origin == nil ? "replay_input_event" : "replay_input_event_from")
        }
        return post(.input(input))
    }

    package func inputSync() -> Status {
        guard isConfigured else { return inputIsLost("replay_input_sync_event") }
        return post(.inputSync)
    }

    /// Without a configuration there is no callback that could get it.
    private func inputIsLost(_ function: StaticString) -> Status {
        misuse(.wrongState, "\(function) was called, but the session is not configured: the input is lost")
    }
}

extension InputFields {
    /// The number of kinds that the public header has.
    static let kinds: Int64 = 5
    static let mostPorts = UInt32(REPLAY_PORT_MAX) + 1

    var exists: Bool { (0..<Self.kinds).contains(kind) }
}
