import CReplay
import ReplayLog
import Synchronization

/// RECORD: each event that is queued is written, then it reaches the guest.
extension Session {
    /// Writes and runs what is queued. The guest gets nothing that is not in the log: where an
    /// event can't be written the recording ends, and the rest waits for the end of the session.
    func recordQueue(_ call: FlushCall) {
        if isRecording, hasFailed, !options.goOnWhenFull { return }
        if isRecording {
            guard accountForWriting(host.icount) != nil else { return }
            beginFlush()
        }
        var events = inbox.takeAll()
        if events.count == 0 { return }
        if isRecording { writeFlushPlace(call) }
        defer { if isRecording { endFlush() } }
        while let event = events.first {
            // What no log has may have arrived since the flush began.
            guard !isRecording || event.isUnwritten || write(event) || options.goOnWhenFull else {
                return inbox.putBack(events)
            }
            _ = events.popFirst()
            run(event)
        }
    }

    /// - Returns: is the event in the log?
    private func write(_ event: QueuedEvent) -> Bool {
        switch event {
        case .bottomHalf(_, _, let id, let oneshot):
            write(oneshot ? .bottomHalfOneshot : .bottomHalf, .vcpu, Int64(bitPattern: id ?? 0))
        case .input(let event):
            write(
                event.logKind, .vcpu, event.logHead, event.content.code, Int64(event.content.axis),
                Int64(event.content.slot), event.content.tracking_id, event.content.value)
        case .inputSync:
            write(.inputSync, .vcpu)
        case .charRead(let device, let data):
            write(.charRead, .vcpu, Int64(device), bytes: data.readOnly)
        case .block(_, _, let id):
            write(.block, .vcpu, Int64(bitPattern: id))
        case .blockResult(let completion):
            write(completion)
        case .request(let request):
            write(request)
        case .net(let filter, let flags, let data):
            write(.net, .vcpu, Int64(filter.number), Int64(flags), bytes: data.readOnly)
        }
    }
}
