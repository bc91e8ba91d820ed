import ReplayLog

/// RECORD: the only way of an event into the log, and the mirror of Session+Cursor.
extension Session {
    // MARK: Account

    /// RECORD: accounts the icount to write. Nil if it went back, which ends the recording.
    @inline(__always)
    func accountForWriting(_ icount: UInt64) -> UInt64? {
        if icount < self.icount {
            countWentBack(icount)
            return nil
        }
        self.icount = icount
        return icount
    }

    /// RECORD: ends the recording where no replay could follow the host. The log keeps what was written.
    @inline(never)
    @discardableResult
    func countWentBack(_ icount: UInt64) -> Status {
        if hasFailed { return failure }
        let sentence =
            "the host's instruction count went back from \(self.icount) to \(icount): the recording ends here"
        var error = ReplayError(
            .icountBackwards, sentence, expected: "icount \(self.icount) or more", found: "icount \(icount)")
        place(&error)
        options.goOnWhenFull = false  // that option is for logs that can't be written
        return fail(error, .logError)
    }

    // MARK: Write

    /// Accounts, and writes an event without a payload. False if the log is dead.
    @inline(__always)
    func write(_ kind: EventKind) -> Bool {
        guard !hasFailed, let recorder = hotRecorder, let icount = accountForWriting(host.icount) else {
            return false
        }
        return recorder._withUnsafeGuaranteedRef {
            let role = ThreadRoles.mine.role(usually: course.isIOTurn ? .io : $0.usualRole(kind))
            return note(written: $0.hotWriter._withUnsafeGuaranteedRef { $0.append(kind, role, icount) })
        }
    }

    /// The same with a fixed role.
    func write(_ kind: EventKind, role: ThreadRole) -> Bool {
        guard !hasFailed, let writer, let icount = accountForWriting(host.icount) else { return false }
        return note(written: writer.append(kind, role, icount))
    }

    /// The same with a payload. If a thread has both roles, the role is that of the vCPU.
    @inline(__always)
    func write(_ event: EventFields) -> Bool {
        guard !hasFailed, let recorder = hotRecorder, let icount = accountForWriting(host.icount) else {
            return false
        }
        let role = ThreadRoles.mine.role(usually: course.isIOTurn ? .io : .vcpu)
        return recorder._withUnsafeGuaranteedRef {
            note(written: $0.hotWriter._withUnsafeGuaranteedRef { $0.append(event, role, icount) })
        }
    }

    @inline(__always)
    func note(written: Bool) -> Bool {
        if written {
            events &+= 1
            return true
        }
        _ = logFailed()
        return false
    }

    /// The status of a call that wrote an event.
    func status(ofWriting written: Bool) -> Status {
        written ? .ok : failures.errors.last?.status ?? .wrongState
    }
}
