// include/replay/events.h, in its order.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CReplay
import Glibc
import ReplayEngine

@c @implementation
public func replay_checkpoint(_ id: replay_checkpoint_t) -> Bool { withSession { $0.checkpoint(id) } }

@c @implementation
public func replay_has_event() -> Bool { withSession { $0.hasEvent() } }

@c @implementation
public func replay_is_due() -> Bool { withSession { $0.isDue } }

@c @implementation
public func replay_async_events() -> replay_status_t { withSession { $0.flush().code } }

@c @implementation
public func replay_enable_events() -> replay_status_t { withSession { $0.enableEvents().code } }

@c @implementation
public func replay_disable_events() -> replay_status_t { withSession { $0.disableEvents().code } }

@c @implementation
public func replay_events_enabled() -> Bool { withSession { $0.areEventsEnabled } }

@c @implementation
public func replay_flush_events() -> replay_status_t { withSession { $0.runAllUnwritten().code } }

@c @implementation
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

@c @implementation
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

@c @implementation
public func blkreplay_next_id() -> UInt64 { withSession { $0.nextBlockID() } }

@c @implementation
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

@c @implementation
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

@c @implementation
public func replay_digest(_ digest: UInt64) -> replay_status_t { withSession { $0.digest(digest).code } }
