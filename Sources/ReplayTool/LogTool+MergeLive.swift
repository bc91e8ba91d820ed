import ReplayLog
import ReplaySystem

extension LogTool {
    /// Makes one finished file of what a recorder that died left behind: `NAME` and its live file.
    public func mergeLive(_ path: String) -> ToolExit {
        run { () throws(LogError) in
            guard case .own(let reader) = try OpenedLog(path: path) else {
                throw LogError(.notALog, "\(path) is a log of QEMU's, which has no live file")
            }
            if reader.state == .running {
                throw LogError(.busy, "\(path) is being recorded: wait until its recorder has ended")
            }
            if let damage = reader.overview.damage {
                throw LogError(
                    .damaged, "\(damage.message); replay-log repair saves what is good",
                    offset: damage.offset,
                    eventIndex: damage.eventIndex, icount: damage.icount)
            }
            guard reader.end == nil, !reader.isCut else {
                let remark = reader.removeLive()
                try report(path, reader, "has its end already")
                if let remark { output.complain(remark) }
                return .fine
            }
            guard reader.overview.hasLive else {
                throw LogError(
                    .damaged,
                    "\(path) has neither an end nor a live file, so events may be lost; replay-log repair makes a good log of what there is"
                )
            }
            // The reader's lock keeps recorders away from the name until it is released.
            let file = try NewFile(path: Syscalls.resolved(path), replaces: true)
            let size = reader.overview.fileSize
            file.hasWritten = { output.progress($0, of: size) }
            try reader.seal(to: file)
            try file.sync()
            try file.keep()
            let remark = reader.removeLive()
            try report(path, try LogReader(path: path), "is sealed")
            if let remark { output.complain(remark) }
            return .fine
        }
    }

    private func report(_ path: String, _ sealed: LogReader, _ what: String) throws(LogError) {
        let (overview, icount) = try sealed.survey()
        if json {
            print(
                .object([
                    ("file", .text(path.shown)), ("state", .text(sealed.completeness.word)),
                    ("reason", sealed.completeness.reason.map { .text($0) } ?? .null),
                    ("events", .unsigned(overview.eventCount)), ("icount", .unsigned(icount)),
                    ("bytes", .unsigned(overview.fileSize)),
                ]))
        } else {
            output.line("\(path.shown) \(what): \(overview.eventCount) events up to icount \(icount).")
            if let reason = sealed.completeness.reason {
                output.line("A replay of it stops there: \(reason).")
            }
        }
    }
}
