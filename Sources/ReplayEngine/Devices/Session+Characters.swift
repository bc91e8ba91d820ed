import CReplay
import Glibc
import ReplayLog
import ReplaySystem

/// Character devices.
extension Session {
    static let longestPayload = Int(REPLAY_PAYLOAD_MAX)

    // MARK: Character devices

    package func registerChar(
        _ receive: @escaping @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<UInt8>?, Int) -> Void,
        _ opaque: UnsafeMutableRawPointer?
    ) -> Int32 {
        if let forkRefusal { return forkRefusal.rawValue }
        if isStarted, !isIdle, let failure = plugInChar() { return failure.rawValue }
        guard let number = devices.add(receive, opaque) else {
            return misuse(.wrongState, "there are \(Devices.mostCharDevices) character devices already")
                .rawValue
        }
        return Int32(truncatingIfNeeded: number)
    }

    /// After the start, registering a character device is an event. nil: it may be registered.
    private func plugInChar() -> Status? {
        let function: StaticString = "replay_register_char_driver"
        let number = devices.charDeviceCount
        // The registration itself reports it.
        if number >= Devices.mostCharDevices { return nil }
        let status =
            isRecording
            ? save(function) { write(.charRegister(device: number)) }
            : load(.charRegister, function) { event in
                event.device == number ? nil : "the registration of character device \(number)"
            }
        let goesOn = isRecording && hasFailed && options.goOnWhenFull
        return status == .ok || goesOn ? nil : status
    }

    package func charInput(_ device: Int32, _ data: UnsafeRawBufferPointer) -> Status {
        if let forkRefusal { return forkRefusal }
        guard devices.hasCharDevice(Int(device)) else {
            return misuse(.invalidArgument, "character device \(device) is not registered")
        }
        guard data.count <= Self.longestPayload else {
            return misuse(.invalidArgument, "\(data.count) bytes are too many for one character input")
        }
        guard let copy = RawBuffer(copying: data) else {
            return misuse(.noMemory, "memory ran out for \(data.count) bytes of character input")
        }
        return post(.charRead(device: Int(device), copy))
    }

    package func saveCharWrite(_ result: Int32, _ offset: Int32) -> Status {
        save("replay_char_write_event_save") { write(.charWrite(result: result, offset: offset)) }
    }

    package func loadCharWrite() -> (Status, result: Int32, offset: Int32) {
        var (result, offset): (Int32, Int32) = (0, 0)
        let status = load(.charWrite, "replay_char_write_event_load") { event in
            (result, offset) = (event.result, event.writtenOffset)
            return nil
        }
        return (status, result, offset)
    }

    package func saveCharReadAll(_ data: UnsafeRawBufferPointer) -> Status {
        save("replay_char_read_all_save_buf") {
            write(.charReadAll(data))
        }
    }

    package func saveCharReadAllError(_ error: Int32) -> Status {
        save("replay_char_read_all_save_error") { write(.charReadAllError(error)) }
    }

    package func loadCharReadAll(_ target: UnsafeMutableRawBufferPointer) -> (Status, Int32) {
        let function: StaticString = "replay_char_read_all_load"
        let (player, status) = playing(function)
        guard let player else { return (status, 0) }
        if kindOfReadAll(player) == .charReadAllError {
            let error = player.next.result
            return (load(.charReadAllError, function) { _ in nil }, error)
        }
        var count: Int32 = 0
        let loaded = load(.charReadAll, function) { event in
            guard event.bytes.count <= target.count else { return "room for only \(target.count) bytes" }
            target.copyMemory(from: event.bytes)
            count = Int32(clamping: event.bytes.count)
            return nil
        }
        return (loaded, count)
    }

    /// How many bytes ``loadCharReadAll(_:)`` will load.
    package func charReadAllSize() -> (Status, Int) {
        let function: StaticString = "replay_char_read_all_size"
        let (player, status) = playing(function)
        guard let player else { return (status, 0) }
        guard mayTake(kindOfReadAll(player), player) else { return (failure, 0) }
        return (.ok, player.next.bytes.count)
    }

    /// Which of the two kinds is next.
    private func kindOfReadAll(_ player: Player) -> EventKind {
        if isMine(.charReadAll, player) { return .charReadAll }
        passOver(player)
        return isMine(.charReadAllError, player) ? .charReadAllError : .charReadAll
    }
}
