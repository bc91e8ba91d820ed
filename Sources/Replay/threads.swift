// include/replay/threads.h, in its order.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CReplay
import ReplayEngine
import Synchronization

// MARK: Lock and threads

@_cdecl("replay_thread_attach") @implementation
public func replay_thread_attach(_ roles: replay_role_t) -> replay_status_t {
    guard ThreadRoles(bits: roles).isValid else {
        return withSession { $0.misuse(.invalidArgument, "role \(roles) does not exist").code }
    }
    replay_thread_watch()
    replay_thread_self().pointee.roles = roles
    withSession { $0.noteThread() }
    return Status.ok.code
}

@_cdecl("replay_mutex_lock") @implementation @inline(never)
public func replay_mutex_lock() -> replay_status_t { withSession { $0.takeLock().code } }

@_cdecl("replay_mutex_unlock") @implementation @inline(never)
public func replay_mutex_unlock() -> replay_status_t { withSession { $0.giveLock().code } }

@_cdecl("replay_mutex_locked") @implementation @inline(never)
public func replay_mutex_locked() -> Bool { withSession { $0.isLocked } }

@_cdecl("replay_wait") @implementation
public func replay_wait(_ timeout: Int64) -> replay_status_t { withSession { $0.wait(timeout).code } }

@_cdecl("replay_notify") @implementation
public func replay_notify() { withSession { $0.notify() } }

// MARK: Several sessions

@_cdecl("replay_session_new") @implementation
public func replay_session_new() -> OpaquePointer! {
    OpaquePointer(SessionHandles.shared.add(Session(isDefault: false)))
}

@_cdecl("replay_session_free") @implementation
public func replay_session_free(_ handle: OpaquePointer!) -> replay_status_t {
    guard let handle, SessionHandles.shared.holds(UnsafeMutableRawPointer(handle)) else {
        return withSession {
            $0.misuse(.invalidArgument, "replay_session_free was called with a pointer that is not a session")
                .code
        }
    }
    let pointer = UnsafeMutableRawPointer(handle)
    let isInCallback = Unmanaged<Session>.fromOpaque(pointer)._withUnsafeGuaranteedRef { $0.isInCallback }
    guard !isInCallback else {
        return withSession {
            $0.misuse(
                .reentered, "replay_session_free was called from within a callback of that session"
            )
            .code
        }
    }
    guard SessionHandles.shared.remove(pointer) else {
        return withSession {
            $0.misuse(.wrongState, "replay_session_free was called for a session that is current in a thread")
                .code
        }
    }
    let session = Unmanaged<Session>.fromOpaque(pointer)
    let isWhole = session._withUnsafeGuaranteedRef { $0.finishIfNeeded() }
    // A forked child doesn't have the files and threads that would be closed and joined.
    if isWhole { session.release() }
    return Status.ok.code
}

@_cdecl("replay_session_push_current") @implementation
public func replay_session_push_current(_ handle: OpaquePointer!) -> replay_status_t {
    let thread = replay_thread_self()
    let pointer = handle.map { UnsafeMutableRawPointer($0) }
    let depth = Int(thread.pointee.pushed)
    guard depth < Int(REPLAY_SESSIONS_PUSHED_MAX) else {
        return withSession { $0.misuse(.wrongState, "\(depth) sessions are pushed already").code }
    }
    if let pointer, !SessionHandles.shared.push(pointer) {
        return withSession {
            $0.misuse(
                .invalidArgument,
                "replay_session_push_current was called with a pointer that is not a session"
            ).code
        }
    }
    withUnsafeMutableBytes(of: &thread.pointee.below) {
        $0.bindMemory(to: UnsafeMutableRawPointer?.self)[depth] = thread.pointee.session
    }
    replay_thread_watch()
    replay_thread_use(pointer)
    thread.pointee.pushed += 1
    if thread.pointee.roles != 0 { withSession { $0.noteThread() } }
    return Status.ok.code
}

@_cdecl("replay_session_pop_current") @implementation
public func replay_session_pop_current() -> replay_status_t {
    let thread = replay_thread_self()
    guard thread.pointee.pushed > 0 else {
        return withSession {
            $0.misuse(.wrongState, "replay_session_pop_current was called, but no session is pushed").code
        }
    }
    if let session = thread.pointee.session {
        Unmanaged<Session>.fromOpaque(session)._withUnsafeGuaranteedRef {
            _ = $0.shared.pushes.subtract(1, ordering: .acquiringAndReleasing)
        }
    }
    thread.pointee.popSession()
    return Status.ok.code
}

@_cdecl("replay_session_get_current") @implementation
public func replay_session_get_current() -> OpaquePointer! {
    replay_thread_self().pointee.session.map { OpaquePointer($0) }
}
