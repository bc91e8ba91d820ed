import CReplay
import ReplayLog

/// RECORD: the one way of an event into the log.
extension Session {
    /// Accounts, writes an event without a payload. False when the log is dead.
    @inline(__always)
    func write(_ kind: EventKind, _ usual: ThreadRole) -> Bool {
        guard !hasFailed, let writer = hotWriter, let icount = accountForWriting(host.icount) else {
            return false
        }
        let role = ThreadRoles.mine.role(usually: usual)
        return note(written: writer._withUnsafeGuaranteedRef { $0.append(kind, role, icount) })
    }

    /// The same with a role that is not the thread's to choose.
    func write(_ kind: EventKind, role: ThreadRole) -> Bool {
        guard !hasFailed, let writer, let icount = accountForWriting(host.icount) else { return false }
        return note(written: writer.append(kind, role, icount))
    }

    /// The same with integers, and bytes behind them.
    @inline(__always)
    func write(
        _ kind: EventKind, _ usual: ThreadRole, _ a: Int64, _ b: Int64 = 0, _ c: Int64 = 0, _ d: Int64 = 0,
        _ e: Int64 = 0, _ f: Int64 = 0, bytes: UnsafeRawBufferPointer = .init(start: nil, count: 0)
    ) -> Bool {
        guard !hasFailed, let writer = hotWriter, let icount = accountForWriting(host.icount) else {
            return false
        }
        let role = ThreadRoles.mine.role(usually: usual)
        return note(
            written: writer._withUnsafeGuaranteedRef {
                $0.append(kind, role, icount, a, b, c, d, e, f, bytes: bytes)
            })
    }

    @inline(__always)
    func note(written: Bool) -> Bool {
        if written {
            state.events &+= 1
            return true
        }
        _ = logFailed()
        return false
    }

    /// The status of a call that wrote.
    func status(ofWriting written: Bool) -> Status { written ? .ok : errors.last?.status ?? .wrongState }
}
