// include/replay/devices.h, in its order.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CReplay
import Glibc
import ReplayEngine
import ReplayLog

// MARK: Character devices

@_cdecl("replay_register_char_driver") @implementation
public func replay_register_char_driver(
    _ receive: replay_char_receive_t!, _ opaque: UnsafeMutableRawPointer!
) -> Int32 {
    withSession { session in
        guard let receive else {
            return session.misuse(.invalidArgument, "a character device needs a callback").code
        }
        return session.registerChar(receive, opaque)
    }
}

@_cdecl("replay_chr_be_write") @implementation
public func replay_chr_be_write(_ device: Int32, _ data: UnsafePointer<UInt8>!, _ length: Int)
    -> replay_status_t
{
    withSession { session in
        guard let bytes = bytes(data, length) else {
            return session.misuse(.invalidArgument, "character input needs data").code
        }
        return session.charInput(device, bytes).code
    }
}

@_cdecl("replay_char_write_event_save") @implementation
public func replay_char_write_event_save(_ result: Int32, _ offset: Int32) -> replay_status_t {
    withSession { $0.saveCharWrite(result, offset).code }
}

@_cdecl("replay_char_write_event_load") @implementation
public func replay_char_write_event_load(
    _ result: UnsafeMutablePointer<Int32>!, _ offset: UnsafeMutablePointer<Int32>!
) -> replay_status_t {
    withSession { session in
        guard let result, let offset else {
            return session.misuse(
                .invalidArgument, "replay_char_write_event_load needs room for result and offset"
            )
            .code
        }
        let loaded = session.loadCharWrite()
        (result.pointee, offset.pointee) = (loaded.result, loaded.offset)
        return loaded.0.code
    }
}

@_cdecl("replay_char_read_all_save_buf") @implementation
public func replay_char_read_all_save_buf(_ data: UnsafePointer<UInt8>!, _ length: Int) -> replay_status_t {
    withSession { session in
        guard let bytes = bytes(data, length) else {
            return session.misuse(.invalidArgument, "replay_char_read_all_save_buf needs data").code
        }
        return session.saveCharReadAll(bytes).code
    }
}

@_cdecl("replay_char_read_all_save_error") @implementation
public func replay_char_read_all_save_error(_ error: Int32) -> replay_status_t {
    withSession { $0.saveCharReadAllError(error).code }
}

@_cdecl("replay_char_read_all_size") @implementation
public func replay_char_read_all_size(_ size: UnsafeMutablePointer<Int>!) -> replay_status_t {
    withSession { session in
        guard let size else {
            return session.misuse(.invalidArgument, "replay_char_read_all_size needs room for the size").code
        }
        let (status, count) = session.charReadAllSize()
        size.pointee = count
        return status.code
    }
}

@_cdecl("replay_char_read_all_load") @implementation
public func replay_char_read_all_load(
    _ data: UnsafeMutablePointer<UInt8>!, _ size: Int, _ result: UnsafeMutablePointer<Int32>!
) -> replay_status_t {
    withSession { session in
        guard let room = room(data, size), let result else {
            return session.misuse(
                .invalidArgument, "replay_char_read_all_load needs room for data and result"
            ).code
        }
        let (status, count) = session.loadCharReadAll(room)
        result.pointee = count
        return status.code
    }
}

// MARK: Network

@_cdecl("replay_register_net") @implementation
public func replay_register_net(
    _ receive: replay_net_receive_t!, _ opaque: UnsafeMutableRawPointer!
) -> OpaquePointer! {
    withSession { session in
        guard let receive else {
            session.misuse(.invalidArgument, "a network filter needs a callback")
            return nil
        }
        return session.registerNet(receive, opaque).flatMap { OpaquePointer(bitPattern: $0) }
    }
}

@_cdecl("replay_unregister_net") @implementation
public func replay_unregister_net(_ net: OpaquePointer!) -> replay_status_t {
    guard let net else { return Status.ok.code }
    return withSession { $0.unregisterNet(UInt(bitPattern: net)).code }
}

@_cdecl("replay_net_packet_event") @implementation
public func replay_net_packet_event(
    _ net: OpaquePointer!, _ flags: UInt32, _ pieces: UnsafePointer<iovec>!, _ count: Int32
) -> replay_status_t {
    withSession { session in
        guard let net, let (pieces, length) = checked(pieces, count) else {
            return session.misuse(.invalidArgument, "a packet needs a filter and data").code
        }
        return session.netPacket(UInt(bitPattern: net), flags, pieces, length: length).code
    }
}

// MARK: Input

@_cdecl("replay_input_event_from") @implementation
public func replay_input_event_from(_ input: UnsafePointer<replay_input_t>!) -> replay_status_t {
    withSession { session in
        guard let input else {
            return session.misuse(.invalidArgument, "replay_input_event_from was called without an event")
                .code
        }
        guard sizeIfEnough(input.pointee.size, atLeast: MemoryLayout<replay_input_t>.size) != nil else {
            return session.misuse(.structSize, "the size of replay_input_t is \(input.pointee.size)").code
        }
        return session.inputEvent(InputFields(input.pointee)).code
    }
}

@_cdecl("replay_input_event") @implementation
public func replay_input_event(_ event: UnsafePointer<replay_input_event_t>!) -> replay_status_t {
    withSession { session in
        guard let event else {
            return session.misuse(.invalidArgument, "replay_input_event was called without an event").code
        }
        return session.inputEvent(InputFields(event.pointee)).code
    }
}

@_cdecl("replay_input_sync_event") @implementation
public func replay_input_sync_event() -> replay_status_t { withSession { $0.inputSync().code } }

// MARK: Audio

@_cdecl("replay_audio_out") @implementation
public func replay_audio_out(_ played: UnsafeMutablePointer<Int>!) -> replay_status_t {
    withSession { session in
        guard let played else {
            return session.misuse(.invalidArgument, "replay_audio_out needs a count").code
        }
        return session.audioOut(&played.pointee).code
    }
}

@_cdecl("replay_audio_in_start") @implementation
public func replay_audio_in_start(_ count: UnsafeMutablePointer<Int>!) -> replay_status_t {
    withSession { session in
        guard let count else {
            return session.misuse(.invalidArgument, "replay_audio_in_start needs a count").code
        }
        return session.audioInStart(&count.pointee).code
    }
}

@_cdecl("replay_audio_in_start_at") @implementation
public func replay_audio_in_start_at(
    _ count: UnsafeMutablePointer<Int>!, _ position: UnsafeMutablePointer<Int>!
) -> replay_status_t {
    withSession { session in
        guard let count, let position else {
            return session.misuse(
                .invalidArgument, "replay_audio_in_start_at needs a count and a position"
            ).code
        }
        var (n, place) = (count.pointee, position.pointee)
        let status = session.audioInStart(&n, at: &place)
        (count.pointee, position.pointee) = (n, place)
        return status.code
    }
}

@_cdecl("replay_audio_in_sample_lr") @implementation
public func replay_audio_in_sample_lr(
    _ left: UnsafeMutablePointer<UInt64>!, _ right: UnsafeMutablePointer<UInt64>!
) -> replay_status_t {
    withSession { session in
        guard let left, let right else {
            return session.misuse(
                .invalidArgument, "replay_audio_in_sample_lr needs a left and a right sample"
            ).code
        }
        var (l, r) = (left.pointee, right.pointee)
        let status = session.audioInSample(&l, &r)
        (left.pointee, right.pointee) = (l, r)
        return status.code
    }
}

@_cdecl("replay_audio_in_finish") @implementation
public func replay_audio_in_finish() -> replay_status_t { withSession { $0.audioInFinish().code } }

// MARK: Random

@_cdecl("replay_save_random") @implementation
public func replay_save_random(_ result: Int32, _ data: UnsafeRawPointer!, _ length: Int) -> replay_status_t {
    withSession { session in
        guard let bytes = bytes(data, length) else {
            return session.misuse(.invalidArgument, "replay_save_random needs data").code
        }
        return session.saveRandom(result, bytes).code
    }
}

@_cdecl("replay_read_random") @implementation
public func replay_read_random(_ data: UnsafeMutableRawPointer!, _ length: Int) -> Int32 {
    withSession { session in
        guard let room = room(data, length) else {
            return session.misuse(.invalidArgument, "replay_read_random needs room for data").code
        }
        let (status, result) = session.loadRandom(room)
        return status == .ok ? result : status.code
    }
}

// MARK: Shutdown

@_cdecl("replay_shutdown_request") @implementation
public func replay_shutdown_request(_ cause: replay_shutdown_cause_t) -> replay_status_t {
    withSession { $0.requestShutdown(ShutdownCause(rawValue: cause)).code }
}
