import CReplay
import ReplayEngine
import ReplayLog
import ReplaySnapshots
import ReplaySystem

/// What a `replay_log_t` stands for: a reader, its texts for C, and the failure of the last call.
final class OpenLog {
    let reader: LogReader
    let texts: LogTexts
    private let overview: LogReader.Overview
    private let icount: UInt64
    /// Nil: the last call succeeded.
    var failure: ReplayError?
    /// The event that was read last. It is the next one if ``isAhead``.
    private var event = Event(kind: 0, role: .vcpu, icount: 0, index: 0)
    private var isAhead = false

    init(path: String) throws(ReplayError) {
        do throws(LogError) {
            reader = try LogReader(path: path)
            (overview, icount) = try reader.survey()
        } catch {
            throw ReplayError(error)
        }
        guard let texts = LogTexts(reader) else {
            throw ReplayError(LogError.system(.noMemory, "read", path))
        }
        self.texts = texts
    }

    // MARK: Description

    var info: replay_log_info_t {
        var info = replay_log_info_t()
        let metadata = reader.metadata
        switch reader.state {
        case .finished(let end):
            info.state = replay_log_state_t(REPLAY_LOG_FINISHED)
            info.has_digest = end.hasDigest ? 1 : 0
            info.digest = end.digest
            info.end_cause = Int32(bitPattern: end.cause)
            info.end_exit_code = end.exitCode
        case .running: info.state = replay_log_state_t(REPLAY_LOG_RUNNING)
        case .died:
            info.state = replay_log_state_t(reader.hasDied ? REPLAY_LOG_DIED : REPLAY_LOG_CUT)
            info.recorder_errno = reader.recorderErrno
        }
        info.events = overview.eventCount
        info.icount = icount
        info.virtual_ns = virtualNs(icount)
        info.bytes = overview.fileSize
        info.live_bytes = UInt64(truncatingIfNeeded: overview.liveBytes)
        info.created_ns = metadata.createdNs
        info.shift = metadata.shift < 64 ? Int32(metadata.shift) : Int32(REPLAY_SHIFT_AUTO)
        info.log_version = metadata.formatVersion
        info.fingerprint_fields = UInt32(truncatingIfNeeded: texts.fields)
        info.snapshots = snapshots
        info.damaged = overview.damage == nil ? 0 : 1
        info.first_event = reader.firstEvent
        info.first_icount = reader.begin?.icount ?? 0
        info.reason = texts.reason
        info.parent = texts.value(of: LogTexts.parent)
        return info
    }

    /// How many are beside the log. As the recorder has them: not beside a link to it.
    private var snapshots: UInt32 {
        let path = Syscalls.resolved(reader.path) + ".snap"
        let file = try? SnapshotFileCopier(path: path, log: reader.identity)
        return UInt32(clamping: file?.labels.count ?? 0)
    }

    /// -1: unknown.
    private func virtualNs(_ icount: UInt64) -> Int64 {
        reader.metadata.nanoseconds(icount).flatMap { Int64(exactly: $0) } ?? -1
    }

    // MARK: Events

    func seek(icount: UInt64) throws(LogError) {
        isAhead = false
        let start = reader.event(beforeIcount: icount)
        if start <= reader.firstEvent { reader.rewind() } else { try reader.seek(toEvent: start) }
        while try readNext() {
            if event.icount >= icount {
                isAhead = true
                return
            }
        }
    }

    func seek(event number: UInt64) throws(LogError) {
        isAhead = false
        if number == reader.firstEvent { reader.rewind() } else { try reader.seek(toEvent: number) }
    }

    /// Nil at the end.
    func next() throws(LogError) -> replay_log_event_t? {
        if isAhead {
            isAhead = false
        } else {
            guard try readNext() else { return nil }
        }
        return shown
    }

    private func readNext() throws(LogError) -> Bool {
        try withUnsafeMutablePointer(to: &event) { place throws(LogError) in
            // The reader leaves old bytes in a clock's event.
            place.pointee.bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return try reader.next(into: place)
        }
    }

    private var shown: replay_log_event_t {
        var shown = replay_log_event_t()
        let kind = Int(event.kind & 63)
        shown.kind = UInt32(event.kind)
        shown.icount = event.icount
        shown.event = event.index
        shown.virtual_ns = virtualNs(event.icount)
        shown.role = replay_role_t(event.role == .io ? REPLAY_THREAD_IO : REPLAY_THREAD_VCPU)
        shown.value_count = texts.valueCount(kind)
        shown.kind_name = texts.kindName(kind)
        shown.value_names = texts.valueNames(kind)
        shown.values = (event.a, event.b, event.c, event.d, event.e, event.f, 0, 0)
        if event.knownKind == .inputFrom, let input = event.input, let origin = input.origin {
            shown.values.0 = input.kind
            shown.values.6 = Int64(origin.port)
            shown.values.7 = Int64(origin.device)
        }
        shown.bytes = event.bytes.isEmpty ? nil : event.bytes.baseAddress
        shown.length = UInt64(truncatingIfNeeded: event.bytes.count)
        return shown
    }
}
