// include/replay/events.h, in its order.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CReplay
import Glibc
import ReplayEngine

@_cdecl("replay_checkpoint") @implementation @inline(never)
public func replay_checkpoint(_ id: replay_checkpoint_t) -> Bool { withSession { $0.checkpoint(id) } }

@_cdecl("replay_has_event") @implementation
public func replay_has_event() -> Bool { withSession { $0.hasEvent() } }

@_cdecl("replay_is_due") @implementation @inline(never)
public func replay_is_due() -> Bool { withSession { $0.isDue } }

@_cdecl("replay_async_events") @implementation
public func replay_async_events() -> replay_status_t { withSession { $0.flush().code } }

@_cdecl("replay_enable_events") @implementation
public func replay_enable_events() -> replay_status_t { withSession { $0.enableEvents().code } }

@_cdecl("replay_disable_events") @implementation
public func replay_disable_events() -> replay_status_t { withSession { $0.disableEvents().code } }

@_cdecl("replay_events_enabled") @implementation
public func replay_events_enabled() -> Bool { withSession { $0.areEventsEnabled } }

@_cdecl("replay_flush_events") @implementation
public func replay_flush_events() -> replay_status_t { withSession { $0.runAllUnwritten().code } }

@_cdecl("replay_bh_schedule_event") @implementation
public func replay_bh_schedule_event(
    _ callback: replay_callback_t!, _ opaque: UnsafeMutableRawPointer!
) -> replay_status_t {
    withSession { session in
        guard let callback else {
            return session.misuse(.invalidArgument, "a bottom half needs a callback").code
        }
        return session.scheduleBottomHalf(callback, opaque, oneshot: false).code
    }
}

@_cdecl("replay_bh_schedule_oneshot_event") @implementation
public func replay_bh_schedule_oneshot_event(
    _ callback: replay_callback_t!, _ opaque: UnsafeMutableRawPointer!
) -> replay_status_t {
    withSession { session in
        guard let callback else {
            return session.misuse(.invalidArgument, "a bottom half needs a callback").code
        }
        return session.scheduleBottomHalf(callback, opaque, oneshot: true).code
    }
}

@_cdecl("blkreplay_next_id") @implementation
public func blkreplay_next_id() -> UInt64 { withSession { $0.nextBlockID() } }

@_cdecl("replay_block_event") @implementation
public func replay_block_event(
    _ callback: replay_callback_t!, _ opaque: UnsafeMutableRawPointer!, _ id: UInt64
) -> replay_status_t {
    withSession { session in
        guard let callback else {
            return session.misuse(.invalidArgument, "a completion needs a callback").code
        }
        return session.postBlock(callback, opaque, id: id).code
    }
}

@_cdecl("replay_block_event_result") @implementation
public func replay_block_event_result(
    _ complete: replay_block_complete_t!, _ opaque: UnsafeMutableRawPointer!, _ id: UInt64,
    _ result: Int32, _ pieces: UnsafePointer<iovec>!, _ count: Int32
) -> replay_status_t {
    withSession { session in
        guard let complete, let (pieces, length) = checked(pieces, count) else {
            return session.misuse(
                .invalidArgument, "a completion needs a callback, and as many pieces as its count says"
            ).code
        }
        return session.postBlock(complete, opaque, id: id, result: result, pieces, length: length).code
    }
}

// MARK: Digests

@_cdecl("replay_digest") @implementation
public func replay_digest(_ digest: UInt64) -> replay_status_t { withSession { $0.digest(digest).code } }
