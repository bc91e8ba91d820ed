import ReplaySystem

/// Snapshots while requests are under way: these belong to the snapshot, and the host submits them again when it
/// has loaded its state, because only it knows the callbacks and the memory for them.
extension Session {
    /// The requests under way that a snapshot takes with it.
    var pendingRequests: [PendingRequest] {
        devices.allDisks.flatMap(\.pendingRequests).map { PendingRequest($0) }
    }

    /// Calls the host's load_state, within which it submits again what was pending.
    ///
    /// - Returns: what it left out.
    func resubmitting(_ requests: [PendingRequest], _ load: () -> Bool) -> (isLoaded: Bool, left: String?) {
        course.resubmissions = requests
        defer { course.resubmissions = nil }
        let isLoaded = load()
        return (isLoaded, course.resubmissions?.first.map { "\($0.description), of \(name(of: $0))" })
    }

    private func name(of request: PendingRequest) -> String {
        devices.allDisks.first { $0.number == request.disk }?.name ?? "a disk that isn't open"
    }

    /// Is a submission one of those that are made again?
    enum Resubmission {
        case no
        case yes(PendingRequest)
        case refused(Status)
    }

    func resubmission(
        _ disk: BlockDisk, _ operation: BlockOperation, offset: UInt64, length: Int, flags: UInt32
    ) -> Resubmission {
        guard let list = course.resubmissions else { return .no }
        guard let index = list.firstIndex(where: { $0.disk == disk.number }) else {
            return .refused(misuse(.invalidArgument, "load_state submitted a request that wasn't pending"))
        }
        let next = list[index]
        guard next.isSame(operation, offset: offset, length: length, flags: flags) else {
            return .refused(
                misuse(
                    .invalidArgument,
                    "load_state submitted a \(operation.name) at offset \(offset), \(length) bytes, where "
                        + "\(next.description), of \(name(of: next)), was pending"))
        }
        course.resubmissions?.remove(at: index)
        return .yes(next)
    }
}
