import CGLib
import CReplay
import ReplayEngine
import ReplaySystem

/// A main context of the host that serves as a session's I/O thread.
///
/// Its source has a higher priority than all others, so that each iteration prepares it:
/// there it checks whether a turn of the I/O thread would do something, and
/// returns when the warp ends. It takes the turn itself in dispatch. The poll
/// function releases the replay lock while it polls.
package final class GLibAttachment: @unchecked Sendable {
    // Sendable: used by the thread that iterates the context, except for the
    // wake-up, which GLib allows from any thread.

    private let session: Session
    private let context: OpaquePointer
    private let innerPoll: GPollFunc
    private var source: UnsafeMutablePointer<GSource>?

    /// The attachments of the process, by their contexts.
    private static let all = Locked<[UInt: GLibAttachment]>([:], lastsForEver: true)

    // MARK: Life

    package static func attach(_ given: OpaquePointer?, to session: Session) -> Status {
        guard session.canAttach else {
            return session.misuse(
                .wrongState, "a main context was attached to a session that is not configured")
        }
        guard given != nil || canMakeContext else {
            return session.misuse(
                .system, "GLib's default context needs two file descriptors, but none can be opened")
        }
        guard let context = given ?? g_main_context_default() else { return .noMemory }
        let key = UInt(bitPattern: context)
        guard all.withLock({ $0[key] == nil }) else {
            return session.misuse(.wrongState, "the main context is attached already")
        }
        let attachment = GLibAttachment(session, context)
        guard attachment.install() else {
            return session.misuse(.noMemory, "memory ran out for a GLib source")
        }
        all.withLock { $0[key] = attachment }
        return .ok
    }

    package static func detach(_ given: OpaquePointer?, from session: Session) -> Status {
        guard given != nil || !all.withLock(\.isEmpty), let context = given ?? g_main_context_default(),
            let attachment = all.withLock({ $0.removeValue(forKey: UInt(bitPattern: context)) })
        else { return session.misuse(.wrongState, "the main context is not attached") }
        attachment.uninstall()
        return .ok
    }

    /// GLib ends the process if it creates a context and gets no descriptors for its wake-ups. It doesn't
    /// say whether the default context already exists.
    private static var canMakeContext: Bool { replay_can_open_two() }

    private init(_ session: Session, _ context: OpaquePointer) {
        self.session = session
        self.context = g_main_context_ref(context)
        innerPoll = g_main_context_get_poll_func(context)
        replay_thread_watch()
        replay_thread_self().pointee.roles |= Int32(truncatingIfNeeded: REPLAY_THREAD_IO)
        session.noteThread()
        holdLock()
    }

    private func install() -> Bool {
        guard let source = g_source_new(Self.functions, guint(MemoryLayout<ReplaySource>.size)) else {
            return false
        }
        source.withMemoryRebound(to: ReplaySource.self, capacity: 1) {
            $0.pointee.attachment = Unmanaged.passRetained(self).toOpaque()
        }
        g_source_set_priority(source, Int32.min)
        g_source_set_name(source, "replay")
        g_source_attach(source, context)
        self.source = source
        g_main_context_set_poll_func(context) { GLibAttachment.poll($0, $1, $2) }
        let contextBits = UInt(bitPattern: context)
        session.wakers.add(contextBits) { g_main_context_wakeup(OpaquePointer(bitPattern: contextBits)) }
        return true
    }

    private func uninstall() {
        session.wakers.remove(UInt(bitPattern: context))
        g_main_context_set_poll_func(context, innerPoll)
        if let source {
            g_source_destroy(source)
            g_source_unref(source)
        }
        source = nil
        let thread = replay_thread_self()
        if thread.pointee.glib == Unmanaged.passUnretained(self).toOpaque() { thread.pointee.glib = nil }
        if session.holdsLock { _ = session.giveLock() }
        g_main_context_unref(context)
    }

    // MARK: The poll function

    /// GLib passes no context to a poll function. The source's preparation, which
    /// runs before it on the same thread, has stored it in the thread's record.
    private static func poll(_ descriptors: UnsafeMutablePointer<GPollFD>?, _ count: guint, _ timeout: gint)
        -> gint
    {
        guard let attachment = replay_thread_self().pointee.glib else {
            return g_poll(descriptors, count, timeout)
        }
        return Unmanaged<GLibAttachment>.fromOpaque(attachment)._withUnsafeGuaranteedRef {
            $0.poll(descriptors, count, timeout)
        }
    }

    private func poll(_ descriptors: UnsafeMutablePointer<GPollFD>?, _ count: guint, _ timeout: gint) -> gint
    {
        if session.holdsLock { _ = session.giveLock() }
        let result = innerPoll(descriptors, count, timeout)
        holdLock()
        return result
    }

    /// A run may have begun since the context was attached. (In mode NONE the lock isn't held.)
    private func holdLock() {
        if !session.holdsLock { _ = session.takeLock() }
    }

    // MARK: The source

    private func prepare(_ timeout: UnsafeMutablePointer<gint>?) -> gboolean {
        replay_thread_self().pointee.glib = Unmanaged.passUnretained(self).toOpaque()
        timeout?.pointee = -1
        // GLib doesn't poll while a source with a higher priority is ready.
        session.yieldLock()
        holdLock()
        return session.asCurrent {
            if session.hasIOTurn { return 1 }
            let next = session.turnDeadline()
            // Rounded up: a turn that comes too early finds nothing to do.
            if next >= 0 {
                timeout?.pointee = gint(clamping: next / 1_000_000 + (next % 1_000_000 > 0 ? 1 : 0))
            }
            return 0
        }
    }

    private func check() -> gboolean { session.asCurrent { session.hasIOTurn ? 1 : 0 } }

    private func dispatch() { session.asCurrent { _ = session.startWarp() } }

    private static func attachment(_ source: UnsafeMutablePointer<GSource>?) -> Unmanaged<GLibAttachment>? {
        guard let source else { return nil }
        return source.withMemoryRebound(to: ReplaySource.self, capacity: 1) {
            $0.pointee.attachment.map { Unmanaged<GLibAttachment>.fromOpaque($0) }
        }
    }

    /// Never freed, because GLib keeps pointers to it.
    nonisolated(unsafe) private static let functions: UnsafeMutablePointer<GSourceFuncs> = {
        let functions = UnsafeMutablePointer<GSourceFuncs>.allocate(capacity: 1)
        functions.initialize(
            to: GSourceFuncs(
                prepare: { source, timeout in
                    GLibAttachment.attachment(source)?._withUnsafeGuaranteedRef { $0.prepare(timeout) } ?? 0
                },
                check: { source in
                    GLibAttachment.attachment(source)?._withUnsafeGuaranteedRef { $0.check() } ?? 0
                },
                dispatch: { source, _, _ in
                    GLibAttachment.attachment(source)?._withUnsafeGuaranteedRef { $0.dispatch() }
                    return 1
                },
                finalize: { source in GLibAttachment.attachment(source)?.release() },
                closure_callback: nil, closure_marshal: nil))
        return functions
    }()
}
