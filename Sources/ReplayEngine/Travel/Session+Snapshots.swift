import CReplay
import Glibc
import ReplayLog
import ReplaySnapshots
import ReplaySystem
import Synchronization

/// Snapshots of the whole machine: RAM, the host's state, and the engine's.
extension Session {
    // MARK: Preparation

    package func registerRAM(_ region: RAMConfiguration) -> Status {
        if let forkRefusal { return forkRefusal }
        let refusal = preparation.visit { preparation.register(region) } ?? Preparation.lateRAM
        return refusal.map { misuse($0.status, $0.reason) } ?? .ok
    }

    /// At the start: has the vCPU thread something to do before its first slice?
    func prepareTravel() {
        prepareSnapshots()
        travel.publishBarrier()
        if travel.pausesAtStart { travel.inbox.withLock { $0.put(.pause) } }
        updateStop()
    }

    /// From now on snapshots are taken on the way.
    func engage() {
        if travel.isEngaged { return }
        travel.isEngaged = true
        travel.pace.restart(icount, Syscalls.threadTime)
        if travel.snapshots != nil { travel.nextLook = icount }
    }

    // MARK: Take

    /// Are snapshots written to `NAME.snap` on the way?
    private var keepsSnapshots: Bool { if case .file = options.snapshots { true } else { false } }

    private func prepareSnapshots() {
        travel.nextLook = .max
        if isIdle { return }
        if options.snapshots == .off {
            travel.obstacle = "snapshots are off (rrsnap=off)"
            return
        }
        if keepsSnapshots {
            if !host.savesState {
                host.message(
                    .warning, "rrsnap makes no snapshots: the host's table has no save_state and load_state")
            }
            engage()
        }
        if travel.areChosen || lintsTravel { engage() }
        if host.savesState, isPlaying || keepsSnapshots { travel.nextLook = 0 }
        travel.goesToBegin = player?.reader.begin != nil
        shared.firstIcount.store(player.map { firstPlace($0) } ?? 0, ordering: .relaxed)
    }

    /// Takes a snapshot if it is time for one.
    func lookForSnapshot() {
        guard !isIdle, host.icount >= travel.nextLook else { return }
        guard isRecording else { return lookOnTheWay() }
        if travel.cost == nil { travel.cost = SnapshotCost(Syscalls.processTime) }
        let (before, pages) = (Syscalls.threadTime, travel.snapshots?.pagesTaken ?? 0)
        lookOnTheWay()
        travel.cost?.spend(
            Syscalls.threadTime &- before, pages: (travel.snapshots?.pagesTaken ?? pages) &- pages)
    }

    private func lookOnTheWay() {
        // RAM as it is at the first look is what all snapshots, and those of a file, begin with.
        if travel.snapshots == nil {
            beginSnapshots()
            checkRing()
        }
        if travel.goesToBegin { goToBegin() }
        guard let snapshots = travel.snapshots, !hasFailed else { return }
        if snapshots.hasBegun { look(snapshots) } else { begin(snapshots) }
        publishSnapshotCount()
    }

    /// For any thread that asks how many there are.
    func publishSnapshotCount() {
        shared.snapshots.store(UInt32(clamping: travel.snapshots?.labels.count ?? 0), ordering: .relaxed)
    }

    func beginSnapshots() {
        travel.nextLook = .max
        guard accountHere() else { return }
        if let error = diskWithoutWay {
            if keepsSnapshots { host.message(.warning, "rrsnap keeps no snapshots: \(error.message)") }
            travel.obstacle = error.message
            return
        }
        do throws(SystemError) {
            let snapshots = try callingHost { () throws(SystemError) in
                try Snapshots(
                    preparation.ram, storage, budget: options.snapshotMemory, range: eventsOfLog,
                    goesBack: isPlaying, Syscalls(faults: options.faults))
            }
            for remark in snapshots.remarks { host.message(.warning, remark) }
            travel.snapshots = snapshots
            travel.pace = newPace
            if writer?.ring != nil { travel.pace.lookOften() }
        } catch {
            travel.obstacle = obstacle(of: error)
            if keepsSnapshots, let obstacle = travel.obstacle {
                host.message(.warning, "rrsnap makes no snapshots: \(obstacle)")
            }
        }
    }

    /// A replay has become a recording, which can't go back: from now on snapshots are for its own `NAME.snap`.
    ///
    /// - Parameter chains: the checksums of its log, by the number of the next event. Those in memory that were taken
    ///   there are its own too.
    func keepSnapshotsOfBranch(_ chains: [UInt64: UInt64]) {
        defer { publishSnapshotCount() }
        guard keepsSnapshots, host.savesState else {
            travel.snapshots = nil
            return
        }
        guard let snapshots = travel.snapshots else {
            let reason = travel.obstacle ?? "there were none in the replay"
            return host.message(.warning, "rrsnap makes no snapshots of the branch: \(reason)")
        }
        travel.fileIsReported = false
        let here = SnapshotPlace(icount: icount, event: events)
        snapshots.beginRecording(storage) { label, state in
            guard label.place <= here, let chain = chains[label.place.event] else { return false }
            return SnapshotState.setChain(chain, in: state)
        }
        for remark in snapshots.remarks { host.message(.warning, remark) }
        guard snapshots.isWritten else {
            travel.snapshots = nil
            return
        }
        travel.obstacle = nil
        travel.pace = newPace
        engage()
        travel.nextLook = icount
    }

    /// PLAY: the numbers of events that follow the snapshots in memory that a branch here could use, in order.
    func placesForBranch(_ player: Player) -> [UInt64] {
        guard keepsSnapshots, let snapshots = travel.snapshots else { return [] }
        return snapshots.eventsInMemory(upTo: SnapshotPlace(icount: icount, event: player.nextIndex))
    }

    /// Beginning here.
    private var newPace: SnapshotPace {
        var spacing = SnapshotPace.usualSpacing
        if case .file(let milliseconds?, _) = options.snapshots { spacing = Int64(milliseconds) &* 1_000_000 }
        return SnapshotPace(icount, Syscalls.threadTime, spacing: spacing, isRecording: isRecording)
    }

    /// PLAY: from the first event of the log to its end.
    var eventsOfLog: ClosedRange<UInt64> {
        guard let reader = player?.reader else { return 0...UInt64.max }
        return reader.firstEvent...max(reader.firstEvent, reader.endEvent)
    }

    /// `NAME.snap`, as far as this run uses it.
    private var storage: SnapshotStorage? {
        guard let path = fileName.map({ String(fileName: $0) }) else { return nil }
        return SnapshotStorage(
            path: path + SnapshotStorage.suffix, log: player?.reader.identity ?? writer?.identity ?? 0,
            isRead: isPlaying, isWritten: keepsSnapshots || isRecording && options.snapshot != nil,
            continues: isPlaying && !(keepsSnapshots && hasStoreOfAnother(path + SnapshotStorage.suffix)),
            replaces: options.overwrites, limit: options.snapshotBytes, ring: writer?.ring,
            faults: options.faults)
    }

    /// PLAY: is a store that seems to belong to this log, because the machine is the same, of a different recording?
    /// The first snapshots of two may be the same.
    private func hasStoreOfAnother(_ path: String) -> Bool {
        guard let player,
            let file = try? SnapshotFileCopier(
                path: path, log: player.reader.identity, system: Syscalls(faults: options.faults)),
            let last = file.labels.last(where: { eventsOfLog.contains($0.place.event) }),
            let state = try? file.state(of: last.id), let position = SnapshotPosition(state: state)
        else { return false }
        return !player.hasChain(position.chain, before: position.event)
    }

    /// RECORD: the log has replaced an older one.
    func removeOldSnapshots() {
        guard options.overwrites else { return }
        removeSnapshots(path: snapshotPath, Syscalls(faults: options.faults))
    }

    /// The snapshot at the start.
    private func begin(_ snapshots: Snapshots) {
        travel.nextLook = .max
        guard take(snapshots, isKept: true) else {
            if travel.obstacle == nil { travel.nextLook = icount &+ Travel.retryInterval }
            retryLater()
            return
        }
        travel.pace.restart(icount, Syscalls.threadTime)
        travel.nextLook = travel.isEngaged ? nextLook : .max
    }

    /// The first one wasn't possible. If they are wanted, the host may be able to make one later.
    private func retryLater() {
        guard keepsSnapshots, let obstacle = travel.obstacle else { return }
        travel.pace.look(icount, Syscalls.threadTime)
        travel.nextLook = max(nextLook, icount &+ Travel.retryInterval)
        if travel.delayIsReported { return }
        travel.delayIsReported = true
        host.message(.warning, "rrsnap has made no snapshot yet: \(obstacle)")
    }

    private func accountHere() -> Bool {
        if isRecording { return accountForWriting(host.icount) != nil }
        return withPinnedPlayer({ accountForPlaying(host.icount, $0) }) == true
    }

    private func look(_ snapshots: Snapshots) {
        guard accountHere() else { return }
        guard travel.isEngaged else {
            travel.nextLook = .max
            return
        }
        reportFile(snapshots)
        // More would be for nothing.
        if isRecording, writer?.ring == nil, snapshots.fileFailure != nil, !travel.areChosen {
            travel.nextLook = .max
            return
        }
        let isPlanned = travel.planned.last.map { $0 <= icount } ?? false
        if snapshots.has(after: travel.pace.icount, upTo: icount) { travel.pace.pass(Syscalls.threadTime) }
        travel.pace.look(icount, Syscalls.threadTime)
        var next = nextLook
        if isPlanned || isDue(snapshots) {
            if take(snapshots, isPlanned: isPlanned) || takeChosen(snapshots) {
                travel.pace.pass(Syscalls.threadTime)
            } else if !travel.areChosen {
                next = icount &+ Travel.retryInterval
            }
        }
        while let place = travel.planned.last, place <= icount { travel.planned.removeLast() }
        travel.nextLook = min(next, travel.planned.last ?? .max)
    }

    /// Where to look for the next one.
    var nextLook: UInt64 {
        travel.areChosen ? max(replay_next_chosen_snapshot(icount), icount &+ 1) : travel.pace.next
    }

    /// Those that a test has chosen are taken even if the library's thread is busy with earlier ones.
    private func takeChosen(_ snapshots: Snapshots) -> Bool {
        guard travel.areChosen else { return false }
        snapshots.refresh()
        return take(snapshots)
    }

    private func isDue(_ snapshots: Snapshots) -> Bool {
        if travel.areChosen { return !snapshots.has(placeHere) }
        let isFarEnough = isFarEnough(snapshots)
        // What a ring keeps must begin at one, however dear it is.
        guard isRecording, writer?.ring == nil else {
            return isFarEnough || snapshots.ram.writtenCount >= Travel.mostPages || isDueForRing
        }
        guard isFarEnough, var cost = travel.cost else { return false }
        let delay = cost.delay(snapshots, now: Syscalls.processTime)
        travel.cost = cost
        travel.pace.wait(delay)
        return delay == 0
    }

    /// By what the user has asked for.
    private func isFarEnough(_ snapshots: Snapshots) -> Bool {
        guard case .file(let milliseconds, let bytes?) = options.snapshots, snapshots.ram.listsEveryWrite
        else { return travel.pace.isDue }
        return snapshots.ram.writtenBytes >= bytes || milliseconds != nil && travel.pace.isDue
    }

    private func reportFile(_ snapshots: Snapshots) {
        guard let failure = snapshots.fileFailure, !travel.fileIsReported else { return }
        travel.fileIsReported = true
        host.message(.warning, "no more snapshots are written: \(failure)")
    }

    /// False: none is possible here.
    ///
    /// - Parameter isPlanned: it is near a place that somebody goes to, and of no use later.
    func take(_ snapshots: Snapshots, isKept: Bool = false, isPlanned: Bool = false, name: String? = nil)
        -> Bool
    {
        guard !hasFailed, obstacle(resubmitting: true) == nil, accountHere() else { return false }
        let isForFile = snapshots.isWritten && !isPlanned && (keepsSnapshots || name != nil)
        guard let chain = isForFile ? chainHere() : 0,
            var state = SnapshotState.begin(name, position(chain: chain), pendingRequests)
        else { return false }
        let engineBytes = state.count
        var hasRoom = true
        let isWritten = onlooking(.save) {
            host.saveState { bytes in
                hasRoom = hasRoom && state.makeRoom(for: bytes.count)
                if hasRoom { state += bytes }
                return hasRoom
            }
        }
        guard isWritten, hasRoom else {
            travel.obstacle =
                hasRoom
                ? "the host can't save its state (replay_host::save_state)"
                : "memory ran out for the state that replay_host::save_state writes"
            return false
        }
        guard let disks = isPlaying || isForFile ? keepDisks() : DiskVersions() else { return false }
        travel.obstacle = nil
        lintState(state[engineBytes...])
        let place = placeHere
        let isArrival =
            player.map { !$0.hasConsumed(at: icount) } ?? (writer?.hasWritten(at: icount) == false)
        do throws(SystemError) {
            let isTaken = try callingHost { () throws(SystemError) in
                try snapshots.take(
                    place, isArrival: isArrival, state: state, disks: disks, isKept: isKept,
                    isForFile: isForFile)
            }
            if isTaken, isForFile { noteForRing() }
            if isTaken { noteForLint(snapshots.lastID) }
            return isTaken
        } catch {
            travel.obstacle = obstacle(of: error)
            return false
        }
    }

    private var placeHere: SnapshotPlace {
        SnapshotPlace(icount: icount, event: player?.nextIndex ?? events)
    }

    /// A journey back finds no snapshot: it can't begin.
    func noteNoWay() {
        if let missing = travel.snapshots?.missing(before: placeHere) {
            travel.obstacle = missing
        } else if travel.obstacle == nil, travel.snapshots?.hasBegun == true {
            // Those that were taken are gone, because none was ever stored.
            travel.obstacle = obstacle(of: .noMemory)
        }
        host.message(
            .warning, "the machine can't go back: \(travel.obstacle ?? "there is no snapshot yet")")
        travel.publishBarrier()
    }

    /// Why there is no snapshot, and what the user can do.
    private func obstacle(of error: SystemError) -> String {
        guard error == .noMemory else { return "RAM can't be read for snapshots: \(error)" }
        return
            "memory for snapshots ran out: rrsnapmem=\(options.snapshotMemory) allows too little for this machine"
    }

    /// Work on RAM, which calls the host about its pages.
    func callingHost<Result>(_ work: () throws(SystemError) -> Result) throws(SystemError) -> Result {
        try inHost { Swift.Result { () throws(SystemError) in try work() } }.get()
    }

    /// The checksum of the log up to here; nil: it can't be read.
    private func chainHere() -> UInt64? {
        if let writer { return writer.chain }
        return try? player?.chain()
    }
}

extension LogWriter {
    /// Is an event at this icount?
    fileprivate func hasWritten(at icount: UInt64) -> Bool { eventCount > 0 && lastIcount == icount }
}
