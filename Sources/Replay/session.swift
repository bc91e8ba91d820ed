// include/replay/session.h, in its order.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CReplay
import Glibc
import ReplayEngine
import ReplayLog
import Synchronization

// MARK: Life

@_cdecl("replay_configure") @implementation
public func replay_configure(_ config: UnsafePointer<replay_config_t>!) -> replay_status_t {
    withSession { session in
        guard let config else {
            return session.misuse(.invalidArgument, "replay_configure was called without a configuration")
                .code
        }
        guard sizeIfEnough(config.pointee.size, atLeast: Options.smallestSize) != nil else {
            return session.misuse(.structSize, "the configuration's size is \(config.pointee.size)").code
        }
        if let host = config.pointee.host, host.pointee.size < UInt32(Host.smallestSize) {
            return session.misuse(.structSize, "the size of the host's table is \(host.pointee.size)").code
        }
        return session.configure(replay_options_known(config)).code
    }
}

@_cdecl("replay_fingerprint") @implementation
public func replay_fingerprint(_ key: UnsafePointer<CChar>!, _ value: UnsafePointer<CChar>!)
    -> replay_status_t
{
    withSession { session in
        guard let key, let value else {
            return session.misuse(.invalidArgument, "a fingerprint's field needs a key and a value").code
        }
        return session.tell(ByteText(cString: key), ByteText(cString: value)).code
    }
}

@_cdecl("replay_start") @implementation
public func replay_start() -> replay_status_t { withSession { $0.start().code } }

@_cdecl("replay_finish") @implementation
public func replay_finish() -> replay_status_t { withSession { $0.finish().code } }

@_cdecl("replay_finish_with") @implementation
public func replay_finish_with(_ end: UnsafePointer<replay_end_t>!) -> replay_status_t {
    withSession { session in
        guard let end else { return session.finish().code }
        guard sizeIfEnough(end.pointee.size, atLeast: MemoryLayout<replay_end_t>.size) != nil else {
            return session.misuse(.structSize, "the size of replay_end_t is \(end.pointee.size)").code
        }
        return session.finish(end.pointee).code
    }
}

@_cdecl("replay_add_blocker") @implementation
public func replay_add_blocker(_ reason: UnsafePointer<CChar>!) -> replay_status_t {
    withSession { session in
        guard let reason else { return session.misuse(.invalidArgument, "a blocker needs a reason").code }
        return session.block(String(fileName: reason)).code
    }
}

@_cdecl("replay_get_filename") @implementation
public func replay_get_filename() -> UnsafePointer<CChar>! { withSession { $0.fileName } }

@_cdecl("replay_get_mode") @implementation @inline(never)
public func replay_get_mode() -> replay_mode_t { withSession { $0.mode } }

@_cdecl("replay_vmstate_init") @implementation
public func replay_vmstate_init() -> replay_status_t { withSession { $0.initSnapshot().code } }

@_cdecl("replay_query") @implementation
public func replay_query(_ info: UnsafeMutablePointer<replay_info_t>!) -> replay_status_t {
    withSession { session in
        guard let info else {
            return session.misuse(.invalidArgument, "replay_query was called without a struct").code
        }
        guard let size = sizeIfEnough(info.pointee.size, atLeast: 8) else {
            return session.misuse(
                .structSize, "the size of the struct of replay_query is \(info.pointee.size)"
            ).code
        }
        if let refusal = session.forkRefusal { return refusal.code }
        var answer = session.info
        answer.size = info.pointee.size
        withUnsafeBytes(of: &answer) { bytes in
            guard let base = bytes.baseAddress else { return }
            UnsafeMutableRawPointer(info).copyMemory(from: base, byteCount: min(size, bytes.count))
        }
        return Status.ok.code
    }
}

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
    thread.pointee.session = pointer
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
            _ = $0.pushes.subtract(1, ordering: .acquiringAndReleasing)
        }
    }
    thread.pointee.popSession()
    return Status.ok.code
}

@_cdecl("replay_session_get_current") @implementation
public func replay_session_get_current() -> OpaquePointer! {
    replay_thread_self().pointee.session.map { OpaquePointer($0) }
}

// MARK: Errors

@_cdecl("replay_last_error") @implementation
public func replay_last_error(_ error: UnsafeMutablePointer<replay_error_t>!) -> replay_status_t {
    withSession { session in
        let last = session.lastError ?? ReplayError(.ok, "")
        guard let error else { return last.status.code }
        guard let size = sizeIfEnough(error.pointee.size, atLeast: 8) else { return Status.structSize.code }
        last.copy(to: UnsafeMutableRawPointer(error), size: size)
        return last.status.code
    }
}

@_cdecl("replay_status_name") @implementation
public func replay_status_name(_ status: replay_status_t) -> UnsafePointer<CChar>! {
    replay_status_name_of(status)
}

@_cdecl("replay_status_sentence") @implementation
public func replay_status_sentence(_ status: replay_status_t) -> UnsafePointer<CChar>! {
    replay_status_sentence_of(status)
}

@_cdecl("replay_digest") @implementation
public func replay_digest(_ digest: UInt64) -> replay_status_t { withSession { $0.digest(digest).code } }
