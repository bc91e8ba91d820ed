import CReplay
import ReplayEngine

/// The calling thread's current session: the one pushed last, or the process's
/// default one, which is made when it is first asked for.
@inline(__always)
var current: Unmanaged<Session> {
    if let session = replay_current_session() { return .fromOpaque(session) }
    return makeDefaultSession()
}

@inline(never)
private func makeDefaultSession() -> Unmanaged<Session> {
    let mine = Unmanaged.passRetained(Session(isDefault: true))
    guard let installed = replay_default_session_install(mine.toOpaque()) else { return mine }
    let session = Unmanaged<Session>.fromOpaque(installed)
    if session.toOpaque() != mine.toOpaque() { mine.release() }
    return session
}

/// One engine call of the current session, without reference counting.
///
/// No C function is inlined into the entry that @_cdecl makes, not even a static inline one. So the
/// hot functions are @inline(never): their entry is a jump, and what is behind it is compiled well.
@inline(__always)
func withSession<Result>(_ body: (Session) -> Result) -> Result {
    current._withUnsafeGuaranteedRef(body)
}

/// The sessions that replay_session_new() made and nobody freed.
final class SessionHandles: Sendable {
    static let shared = SessionHandles()
    private let live = Locked<Set<UInt>>([])

    func add(_ session: Session) -> UnsafeMutableRawPointer {
        let pointer = Unmanaged.passRetained(session).toOpaque()
        live.withLock { _ = $0.insert(UInt(bitPattern: pointer)) }
        return pointer
    }

    func holds(_ pointer: UnsafeMutableRawPointer) -> Bool {
        live.withLock { $0.contains(UInt(bitPattern: pointer)) }
    }

    /// One more thread has it as its current one. False: there is no such session.
    func push(_ pointer: UnsafeMutableRawPointer) -> Bool {
        live.withLock { live in
            guard live.contains(UInt(bitPattern: pointer)) else { return false }
            Unmanaged<Session>.fromOpaque(pointer)._withUnsafeGuaranteedRef {
                _ = $0.pushes.add(1, ordering: .relaxed)
            }
            return true
        }
    }

    /// False: it is current in a thread, or there is none (any more).
    func remove(_ pointer: UnsafeMutableRawPointer) -> Bool {
        live.withLock { live in
            guard live.contains(UInt(bitPattern: pointer)) else { return false }
            let isFree = Unmanaged<Session>.fromOpaque(pointer)._withUnsafeGuaranteedRef {
                $0.pushes.load(ordering: .acquiring) == 0
            }
            return isFree && live.remove(UInt(bitPattern: pointer)) != nil
        }
    }
}

/// The struct's size as its caller says; nil when too small to hold its first members.
func sizeIfEnough(_ size: UInt32, atLeast least: Int) -> Int? {
    Int(size) >= least ? Int(size) : nil
}
