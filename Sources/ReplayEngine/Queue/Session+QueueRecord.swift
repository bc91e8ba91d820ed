import ReplayLog
import Synchronization

/// RECORD: writes each queued event, and then delivers it to the guest.
extension Session {
    /// Writes and runs the queued events. The guest gets nothing that isn't in the log: if an
    /// event can't be written the recording ends, and the rest waits for the end of the session.
    func recordQueue(_ call: FlushCall) {
        if isRecording, hasFailed, !options.goOnWhenFull { return }
        if isRecording {
            guard accountForWriting(host.icount) != nil else { return }
            beginFlush()
        }
        var events = queue.inbox.takeAll()
        if events.count == 0 { return }
        var hasPlace = false
        defer { if isRecording { endFlush() } }
        while let event = events.first {
            // In a branch: of the replay's course before it went back.
            if event.request?.isAbandoned == true {
                _ = events.popFirst()
                run(event)
                continue
            }
            if isRecording, !hasPlace { writeFlushPlace(call) }
            hasPlace = true
            // Unrecorded events may have arrived since the flush began.
            guard !isRecording || event.isUnwritten || write(event) || options.goOnWhenFull else {
                return queue.inbox.putBack(events)
            }
            _ = events.popFirst()
            run(event)
        }
    }

    /// - Returns: is the event in the log?
    private func write(_ event: QueuedEvent) -> Bool {
        switch event {
        case .bottomHalf(_, _, let id, let oneshot): write(.bottomHalf(id ?? 0, oneshot: oneshot))
        case .input(let event): write(EventFields.input(event))
        case .inputSync: write(EventKind.inputSync)
        case .charRead(let device, let data): write(.charRead(device: device, data.readOnly))
        case .block(_, _, let id): write(.block(request: id))
        case .blockResult(let completion): write(completion)
        case .request(let request): write(request)
        case .net(let filter, let flags, let data):
            write(.net(filter: Int(filter.number), flags: flags, data.readOnly))
        }
    }
}
