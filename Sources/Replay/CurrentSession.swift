import CReplay
import ReplayEngine
import ReplaySystem

/// The calling thread's current session: the one pushed last, or the process's
/// default one, which is created at its first use.
@inline(__always)
var current: Unmanaged<Session> { currentIfKnown ?? findCurrent() }

/// For the hottest calls, whose way is a jump then: where nothing is looked up, no register must be saved.
@inline(__always)
var currentIfKnown: Unmanaged<Session>? { replay_thread_self().pointee.current.map { .fromOpaque($0) } }

/// A thread looks for the default session once: that is never freed.
@inline(never)
private func findCurrent() -> Unmanaged<Session> {
    let thread = replay_thread_self()
    let made = thread.pointee.session ?? replay_default_session_now()
    let session = made.map { Unmanaged<Session>.fromOpaque($0) } ?? makeDefaultSession()
    thread.pointee.current = session.toOpaque()
    return session
}

private func makeDefaultSession() -> Unmanaged<Session> {
    SessionHandles.watchThreads()
    let mine = Unmanaged.passRetained(Session(isDefault: true))
    guard let installed = replay_default_session_install(mine.toOpaque()) else { return mine }
    let session = Unmanaged<Session>.fromOpaque(installed)
    if session.toOpaque() != mine.toOpaque() { mine.release() }
    return session
}

/// One engine call of the current session, without reference counting.
///
/// The compiler inlines no C function into the entry that @_cdecl makes, not even a static inline one. So the
/// hot functions are @inline(never): their entry is a jump, and the function itself is compiled well.
@inline(__always)
func withSession<Result>(_ body: (Session) -> Result) -> Result {
    current._withUnsafeGuaranteedRef(body)
}

/// A thread's first call, out of the hot path.
@inline(never)
func withNewSession<Result>(_ body: (Session) -> Result) -> Result { withSession(body) }

/// The sessions that replay_session_new() made and nobody freed.
final class SessionHandles: Sendable {
    static let shared = SessionHandles()
    private let live = Locked<Set<UInt>>([], lastsForEver: true)

    func add(_ session: Session) -> UnsafeMutableRawPointer {
        Self.watchThreads()
        let pointer = Unmanaged.passRetained(session).toOpaque()
        live.withLock { _ = $0.insert(UInt(bitPattern: pointer)) }
        return pointer
    }

    func holds(_ pointer: UnsafeMutableRawPointer) -> Bool {
        live.withLock { $0.contains(UInt(bitPattern: pointer)) }
    }

    /// Makes it current in one more thread. False: no such session exists.
    func push(_ pointer: UnsafeMutableRawPointer) -> Bool {
        live.withLock { live in
            guard live.contains(UInt(bitPattern: pointer)) else { return false }
            Unmanaged<Session>.fromOpaque(pointer)._withUnsafeGuaranteedRef {
                _ = $0.shared.pushes.add(1, ordering: .relaxed)
            }
            return true
        }
    }

    // MARK: Ends of threads

    /// Called before the first session exists, so that no fork finds the handles half initialised.
    static func watchThreads() {
        _ = shared
        replay_thread_on_end { SessionHandles.shared.threadEnds() }
    }

    private func threadEnds() {
        var sessions = live.withLock { live in
            live.sorted().compactMap { UnsafeMutableRawPointer(bitPattern: $0) }
                .map { Unmanaged<Session>.fromOpaque($0).takeUnretainedValue() }
        }
        if let pointer = replay_default_session_now() {
            sessions.append(Unmanaged<Session>.fromOpaque(pointer).takeUnretainedValue())
        }
        for session in sessions { session.asCurrent { session.threadEnds() } }
        let thread = replay_thread_self()
        while thread.pointee.pushed > 0 {
            if let session = thread.pointee.session {
                Unmanaged<Session>.fromOpaque(session)._withUnsafeGuaranteedRef { $0.threadEndsWithPush() }
            }
            thread.pointee.popSession()
        }
    }

    /// False: it is current in a thread, or doesn't exist (any more).
    func remove(_ pointer: UnsafeMutableRawPointer) -> Bool {
        live.withLock { live in
            guard live.contains(UInt(bitPattern: pointer)) else { return false }
            let isFree = Unmanaged<Session>.fromOpaque(pointer)._withUnsafeGuaranteedRef {
                $0.shared.pushes.load(ordering: .acquiring) == 0
            }
            return isFree && live.remove(UInt(bitPattern: pointer)) != nil
        }
    }
}

extension replay_thread_t {
    /// Makes the session current again that was so before the last push.
    mutating func popSession() {
        pushed -= 1
        let depth = Int(pushed)
        session = withUnsafeMutableBytes(of: &below) {
            $0.bindMemory(to: UnsafeMutableRawPointer?.self)[depth]
        }
        current = session
    }
}

/// The struct's size that its caller has set; nil if it is too small for the first members.
func sizeIfEnough(_ size: UInt32, atLeast least: Int) -> Int? {
    Int(size) >= least ? Int(size) : nil
}
