import CReplay
import Glibc
import ReplayLog

/// Samples from a microphone, one block at a time.
struct AudioBlock {
    /// Two little-endian words a sample.
    let samples: Payload
    /// Where a host that has a ring writes them; nil: it did not say.
    var place: Int?
    /// The next one to take or to give.
    var position = 0

    static let sampleSize = 16
    var count: Int { samples.bytes.count / Self.sampleSize }
    var isWhole: Bool { position == count }

    private var offset: Int { position * Self.sampleSize }

    mutating func put(_ left: UInt64, _ right: UInt64) {
        samples.bytes.storeBytes(of: left.littleEndian, toByteOffset: offset, as: UInt64.self)
        samples.bytes.storeBytes(of: right.littleEndian, toByteOffset: offset + 8, as: UInt64.self)
        position += 1
    }

    mutating func get() -> (left: UInt64, right: UInt64) {
        defer { position += 1 }
        return (
            UInt64(littleEndian: samples.bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)),
            UInt64(littleEndian: samples.bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
        )
    }
}

/// Character devices, network, input, audio, random numbers, shutdown.
extension Session {
    static let longestPayload = 1 << 30

    // MARK: Character devices

    package func registerChar(
        _ receive: @escaping @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<UInt8>?, Int) -> Void,
        _ opaque: UnsafeMutableRawPointer?
    ) -> Int32 {
        if let forkRefusal { return forkRefusal.code }
        if isStarted, !isIdle, let failure = plugInChar() { return failure.code }
        guard let number = devices.add(receive, opaque) else {
            return misuse(.wrongState, "there are \(Devices.mostCharDevices) character devices already").code
        }
        return Int32(truncatingIfNeeded: number)
    }

    /// A character device that comes after the start is an event. nil: it may be registered.
    private func plugInChar() -> Status? {
        let function: StaticString = "replay_register_char_driver"
        let number = devices.charDeviceCount
        // Registering says so itself.
        if number >= Devices.mostCharDevices { return nil }
        let status =
            isRecording
            ? save(function) { write(.charRegister, .vcpu, Int64(number)) }
            : load(.charRegister, function) { event in
                event.a == Int64(number) ? nil : "the registration of character device \(number)"
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
        guard let copy = Payload(copying: data) else {
            return misuse(.noMemory, "memory ran out for \(data.count) bytes of character input")
        }
        return post(.charRead(device: Int(device), copy))
    }

    package func saveCharWrite(_ result: Int32, _ offset: Int32) -> Status {
        save("replay_char_write_event_save") { write(.charWrite, .vcpu, Int64(result), Int64(offset)) }
    }

    package func loadCharWrite() -> (Status, result: Int32, offset: Int32) {
        var (result, offset): (Int32, Int32) = (0, 0)
        let status = load(.charWrite, "replay_char_write_event_load") { event in
            result = Int32(truncatingIfNeeded: event.a)
            offset = Int32(truncatingIfNeeded: event.b)
            return nil
        }
        return (status, result, offset)
    }

    package func saveCharReadAll(_ data: UnsafeRawBufferPointer) -> Status {
        save("replay_char_read_all_save_buf") {
            // No integers: the length is part of the bytes.
            write(.charReadAll, .vcpu, 0, bytes: data)
        }
    }

    package func saveCharReadAllError(_ error: Int32) -> Status {
        save("replay_char_read_all_save_error") { write(.charReadAllError, .vcpu, Int64(error)) }
    }

    package func loadCharReadAll(_ target: UnsafeMutableRawBufferPointer) -> (Status, Int32) {
        if isPlaying, let player, accountForPlaying(host.icount, player),
            player.isNext(.charReadAllError, at: state.icount)
        {
            var error: Int32 = 0
            let status = load(.charReadAllError, "replay_char_read_all_load") { event in
                error = Int32(truncatingIfNeeded: event.a)
                return nil
            }
            return (status, error)
        }
        var count: Int32 = 0
        let status = load(.charReadAll, "replay_char_read_all_load") { event in
            guard event.bytes.count <= target.count else { return "room for \(target.count) bytes only" }
            target.copyMemory(from: event.bytes)
            count = Int32(clamping: event.bytes.count)
            return nil
        }
        return (status, count)
    }

    /// How much ``loadCharReadAll(_:)`` will load.
    package func charReadAllSize() -> (Status, Int) {
        let function: StaticString = "replay_char_read_all_size"
        guard isPlaying, let player else {
            return (misuse(.wrongMode, "\(function) was called while not replaying"), 0)
        }
        if let refusal = refusal(.either, function) { return (refusal, 0) }
        guard accountForPlaying(host.icount, player) else { return (failure, 0) }
        if !isReadAllNext(player) { passOver(player) }
        guard isReadAllNext(player) else {
            return (diverge("\(EventKind.charReadAll.name) by \(ThreadRoles.mine.description)"), 0)
        }
        return (.ok, player.next.bytes.count)
    }

    private func isReadAllNext(_ player: Player) -> Bool {
        player.isNext(.charReadAll, at: state.icount) || player.isNext(.charReadAllError, at: state.icount)
    }

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
        inbox.drop { if case .net(let queued, _, _) = $0 { queued === filter } else { false } }
        return .ok
    }

    package func netPacket(_ handle: UInt, _ flags: UInt32, _ pieces: [iovec], length: Int) -> Status {
        if let forkRefusal { return forkRefusal }
        guard let filter = devices.filter(handle) else {
            return misuse(.invalidArgument, "the network filter is not registered")
        }
        guard let copy = Payload(pieces, count: length) else {
            return misuse(.noMemory, "memory ran out for a packet of \(length) bytes")
        }
        return post(.net(filter, flags: flags, copy))
    }

    // MARK: Input

    package func inputEvent(_ event: replay_input_event_t) -> Status {
        guard (0..<Int32(REPLAY_INPUT_COUNT)).contains(event.kind) else {
            return misuse(.invalidArgument, "input kind \(event.kind) does not exist")
        }
        guard isConfigured else { return inputIsLost("replay_input_event") }
        return post(.input(InputEvent(event)))
    }

    package func inputEvent(_ input: replay_input_t) -> Status {
        guard (0..<Int32(REPLAY_INPUT_COUNT)).contains(input.kind) else {
            return misuse(.invalidArgument, "input kind \(input.kind) does not exist")
        }
        guard input.port < InputEvent.mostPorts else {
            return misuse(.invalidArgument, "the port \(input.port) of an input event is above 65535")
        }
        guard isConfigured else { return inputIsLost("replay_input_event_from") }
        return post(.input(InputEvent(input)))
    }

    package func inputSync() -> Status {
        guard isConfigured else { return inputIsLost("replay_input_sync_event") }
        return post(.inputSync)
    }

    /// The callback that would get it comes with the configuration.
    private func inputIsLost(_ function: StaticString) -> Status {
        misuse(.wrongState, "\(function) was called, but the session is not configured: the input is lost")
    }

    // MARK: Audio

    package func audioOut(_ played: inout Int) -> Status {
        if isIdle { return .ok }
        if isRecording {
            let count = played
            return save("replay_audio_out") { write(.audioOut, .vcpu, Int64(count)) }
        }
        var recorded = played
        let status = load(.audioOut, "replay_audio_out") { event in
            recorded = Int(exactly: event.a) ?? 0
            return nil
        }
        played = recorded
        return status
    }

    package func audioInStart(_ count: inout Int) -> Status {
        var place: Int?
        return audioInStart("replay_audio_in_start", .audioIn, &count, &place)
    }

    package func audioInStart(_ count: inout Int, at place: inout Int) -> Status {
        if isRecording, place < 0 { return misuse(.invalidArgument, "an audio position is above 2^63-1") }
        var found: Int? = place
        defer { place = found ?? place }
        return audioInStart("replay_audio_in_start_at", .audioInAt, &count, &found)
    }

    private func audioInStart(
        _ function: StaticString, _ kind: EventKind, _ count: inout Int, _ place: inout Int?
    ) -> Status {
        if isIdle { return .ok }
        if let refusal = refusal(.either, function) { return refusal }
        guard audioIn == nil else { return misuse(.wrongState, "a block of audio samples is begun already") }
        if isRecording {
            guard count >= 0, count <= Self.longestPayload / 16 else {
                return misuse(.invalidArgument, "a block of \(count) audio samples is too long")
            }
            guard let samples = Payload(count: count * AudioBlock.sampleSize) else {
                return memoryRanOut(for: "\(count) audio samples")
            }
            audioIn = AudioBlock(samples: samples, place: place)
            return .ok
        }
        var block: AudioBlock?
        let status = load(kind, function) { event in
            guard UInt64(bitPattern: event.a) == UInt64(event.bytes.count / AudioBlock.sampleSize) else {
                return "a block of another length"
            }
            if kind == .audioInAt, event.b < 0 { return "a position that no ring has" }
            let recorded = kind == .audioInAt ? Int(exactly: event.b) : nil
            block = payload(of: event).map { AudioBlock(samples: $0, place: recorded) }
            return nil
        }
        if let block {
            count = block.count
            place = block.place
            audioIn = block
        }
        return status
    }

    package func audioInSample(_ left: inout UInt64, _ right: inout UInt64) -> Status {
        if isIdle { return .ok }
        if let refusal = refusal(.either, "replay_audio_in_sample_lr") { return refusal }
        guard let block = audioIn, !block.isWhole else {
            return misuse(.wrongState, "no audio sample belongs here")
        }
        if isRecording {
            audioIn?.put(left, right)
        } else if let sample = audioIn?.get() {
            (left, right) = sample
        }
        return .ok
    }

    package func audioInFinish() -> Status {
        if isIdle { return .ok }
        if let refusal = refusal(.either, "replay_audio_in_finish") { return refusal }
        guard let block = audioIn else { return misuse(.wrongState, "no block of audio samples is begun") }
        audioIn = nil
        guard block.isWhole else {
            return misuse(
                .wrongState, "\(block.count) audio samples were announced, but \(block.position) came")
        }
        guard isRecording else { return .ok }
        if let place = block.place {
            return save("replay_audio_in_finish") {
                write(
                    .audioInAt, .vcpu, Int64(block.count), Int64(place), bytes: block.samples.readOnly)
            }
        }
        return save("replay_audio_in_finish") {
            write(.audioIn, .vcpu, Int64(block.count), bytes: block.samples.readOnly)
        }
    }

    // MARK: Random

    package func saveRandom(_ result: Int32, _ data: UnsafeRawBufferPointer) -> Status {
        save("replay_save_random") { write(.random, .vcpu, Int64(result), bytes: data) }
    }

    package func loadRandom(_ target: UnsafeMutableRawBufferPointer) -> (Status, Int32) {
        var result: Int32 = 0
        target.initializeMemory(as: UInt8.self, repeating: 0)
        let status = load(.random, "replay_read_random") { event in
            guard event.bytes.count == target.count else {
                return "a request of \(target.count) random bytes"
            }
            target.copyMemory(from: event.bytes)
            result = Int32(truncatingIfNeeded: event.a)
            return nil
        }
        return (status, result)
    }

    // MARK: Shutdown

    package func requestShutdown(_ cause: Int32) -> Status {
        guard (0..<Int32(REPLAY_SHUTDOWN_COUNT)).contains(cause) else {
            return misuse(.invalidArgument, "shutdown cause \(cause) does not exist")
        }
        if isIdle { return .ok }
        if let refusal = refusal(.either, "replay_shutdown_request") { return refusal }
        if isRecording {
            state.unorderedEvents &+= 1
            let written = write(.shutdown, .vcpu, Int64(cause))
            (state.shutdownCause, state.shutdownIcount) = (cause, state.icount)
            noteChange()
            return status(ofWriting: written || options.goOnWhenFull)
        }
        guard let player, accountForPlaying(host.icount, player) else { return failure }
        takeRequestedShutdown(cause, player)
        return hasFailed ? failure : .ok
    }

    // MARK: The two ways of a value

    /// RECORD: stores a value that the guest sees.
    private func save(_ function: StaticString, _ write: () -> Bool) -> Status {
        guard isRecording else { return misuse(.wrongMode, "\(function) was called while not recording") }
        if let refusal = refusal(.either, function) { return refusal }
        if hasFailed { return failure }
        return status(ofWriting: write())
    }

    /// PLAY: takes the value that must be next. `read` answers what does not fit.
    private func load(_ kind: EventKind, _ function: StaticString, _ read: (Event) -> String?) -> Status {
        guard isPlaying, let player else {
            return misuse(.wrongMode, "\(function) was called while not replaying")
        }
        if let refusal = refusal(.either, function) { return refusal }
        guard accountForPlaying(host.icount, player) else { return failure }
        if !player.isNext(kind, at: state.icount) { passOver(player) }
        guard player.isNext(kind, at: state.icount) else {
            return diverge("\(kind.name) by \(ThreadRoles.mine.description)")
        }
        if let mismatch = read(player.next) { return diverge(mismatch) }
        if hasFailed { return failure }
        consume(player)
        return .ok
    }
}
