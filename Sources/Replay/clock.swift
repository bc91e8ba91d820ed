// include/replay/clock.h, in its order.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CReplay
import ReplayEngine

@_cdecl("replay_save_clock") @implementation @inline(never)
public func replay_save_clock(_ kind: replay_clock_kind_t, _ value: Int64, _ icount: UInt64) -> Int64 {
    guard let session = currentIfKnown else {
        return withNewSession { saveClock(kind, value, icount, in: $0) }
    }
    return session._withUnsafeGuaranteedRef { saveClock(kind, value, icount, in: $0) }
}

@_cdecl("replay_read_clock") @implementation @inline(never)
public func replay_read_clock(_ kind: replay_clock_kind_t, _ icount: UInt64) -> Int64 {
    guard let session = currentIfKnown else { return withNewSession { readClock(kind, icount, in: $0) } }
    return session._withUnsafeGuaranteedRef { readClock(kind, icount, in: $0) }
}

@_cdecl("replay_clock_unlock") @implementation
public func replay_clock_unlock(_ value: Int64) -> Int64 { withSession { $0.unlockAfterClock(value) } }

// MARK: The virtual clock

@_cdecl("replay_get_virtual_clock") @implementation
public func replay_get_virtual_clock() -> Int64 { withSession { $0.virtualTime } }

@_cdecl("replay_start_warp_timer") @implementation
public func replay_start_warp_timer() -> replay_status_t { withSession { $0.startWarp().code } }

@_cdecl("replay_account_warp_timer") @implementation
public func replay_account_warp_timer() -> replay_status_t { withSession { $0.accountWarp().code } }

@_cdecl("replay_turn") @implementation
public func replay_turn() -> replay_status_t { withSession { $0.turn().code } }

@_cdecl("replay_warp_deadline_ns") @implementation
public func replay_warp_deadline_ns() -> Int64 { withSession { $0.warpDeadline() } }

// MARK: Virtual timers

@_cdecl("replay_timer_new") @implementation
public func replay_timer_new(_ callback: replay_callback_t!, _ opaque: UnsafeMutableRawPointer!)
    -> OpaquePointer!
{
    withSession { session in
        guard let callback else {
            session.misuse(.invalidArgument, "a timer needs a callback")
            return nil
        }
        return session.newTimer(callback, opaque).flatMap { OpaquePointer(bitPattern: $0) }
    }
}

@_cdecl("replay_timer_mod") @implementation
public func replay_timer_mod(_ timer: OpaquePointer!, _ expire: Int64) -> replay_status_t {
    withSession { $0.setTimer(UInt(bitPattern: timer), expire).code }
}

@_cdecl("replay_timer_del") @implementation
public func replay_timer_del(_ timer: OpaquePointer!) -> replay_status_t {
    withSession { $0.clearTimer(UInt(bitPattern: timer)).code }
}

@_cdecl("replay_timer_free") @implementation
public func replay_timer_free(_ timer: OpaquePointer!) -> replay_status_t {
    guard let timer else { return Status.ok.code }
    return withSession { $0.freeTimer(UInt(bitPattern: timer)).code }
}

@_cdecl("replay_timer_expire_time") @implementation
public func replay_timer_expire_time(_ timer: OpaquePointer!) -> Int64 {
    withSession { $0.expireTime(UInt(bitPattern: timer)) }
}
