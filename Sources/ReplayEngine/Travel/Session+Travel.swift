import CReplay
import ReplayLog
import ReplaySnapshots
import Synchronization

/// Journeys: what threads ask for, and what the vCPU thread does about it, between two slices.
extension Session {
    // MARK: Requests

    package func pauseMachine() -> Status { ask(.pause, "replay_pause") }
    package func resumeMachine() -> Status { ask(.resume, "replay_resume") }
    package func stepMachine() -> Status { ask(.step, "replay_step") }
    package func seek(_ icount: UInt64) -> Status {
        seek(icount, "replay_seek")
    }
    private func seek(_ icount: UInt64, _ function: StaticString) -> Status {
        if isPlaying, let reason = refusalOfPlace(icount: icount) {
            return note(ReplayError(.invalidArgument, "\(function) is not possible: \(reason)"))
        }
        return askInReplay(.seek(icount), function)
    }
    package func reverseStep() -> Status { askInReplay(.reverseStep, "replay_reverse_step") }
    /// For a debugger that has just reported an access: the step ends before the same instruction again.
    package func reverseStepToAccess() -> Status {
        askInReplay(.reverseStepToAccess, "replay_reverse_step")
    }
    package func reverseContinue() -> Status { askInReplay(.reverseContinue, "replay_reverse_continue") }

    package func seekEvent(_ event: UInt64) -> Status {
        guard isPlaying else { return notReplaying("replay_seek_event") }
        let found: Result<UInt64, LogError> = withLock {
            Result { () throws(LogError) in
                guard let player else { throw LogError(.misuse, "the replay has ended") }
                return try player.icount(ofEvent: event)
            }
        }
        switch found {
        case .success(let icount): return seek(icount, "replay_seek_event")
        case .failure(let error):
            return error.code == .misuse ? misuse(.invalidArgument, error.message) : note(ReplayError(error))
        }
    }

    package var isMachinePaused: Bool { isHalted }
    package var isGoingBack: Bool { shared.goesBack.load(ordering: .relaxed) }

    private func notReplaying(_ function: StaticString) -> Status {
        misuse(.wrongMode, "\(function) was called while not replaying")
    }

    private func askInReplay(_ request: Travel.Request, _ function: StaticString) -> Status {
        guard isPlaying else { return notReplaying(function) }
        if isStarted, hasFailed { return withLock { failure } }
        if isStarted, areRunnersStopped {
            return note(
                ReplayError(
                    .wrongState, "\(function) is not possible: the host has called replay_run_stop()",
                    at: self))
        }
        if isStarted, let obstacle = obstacle(to: request) {
            return note(ReplayError(.notSupported, "\(function) is not possible: \(obstacle)", at: self))
        }
        return ask(request, function)
    }

    /// Why the way back is barred.
    private func obstacle(to request: Travel.Request) -> String? {
        if case .seek(let target) = request, target > icountSeen { return nil }
        if !host.savesState { return "the host has no replay_host::save_state and load_state" }
        return travel.barrier.withLock { $0 }
    }

    private func ask(_ request: Travel.Request, _ function: StaticString) -> Status {
        if let forkRefusal { return forkRefusal }
        guard isStarted else {
            return misuse(.wrongState, "\(function) was called before replay_start()")
        }
        post(request)
        return .ok
    }

    func post(_ request: Travel.Request) {
        travel.inbox.withLock {
            $0.put(request)
            shared.stopIcount.store(0, ordering: .relaxed)
            if request.isBackward { shared.goesBack.store(true, ordering: .relaxed) }
        }
        wakeVCPU()
    }

    // MARK: Between two slices

    /// Where the vCPU thread must look at the journey: the nearest of all that concerns it.
    func updateStop() {
        var stop = withPlayer { $0.breakIcount } ?? .max
        shared.breakIcount.store(stop, ordering: .relaxed)
        if !isHalted {
            switch travel.goal {
            case .none: break
            case .step(let until): stop = min(stop, until)
            case .seek(let target): stop = min(stop, target)
            case .access(let place): stop = min(stop, place.icount &+ 1)
            case .search(let search): stop = min(stop, search.end)
            case .hit(let hit): stop = min(stop, hit.icount &+ 1)
            }
            stop = min(stop, travel.nextLook)
            if travel.hit != nil { stop = 0 }
        }
        travel.inbox.withLock { shared.stopIcount.store($0.request == nil ? stop : 0, ordering: .relaxed) }
    }

    /// The vCPU has come to the stop, or past it.
    ///
    /// - Parameter isAccounted: after a slice. The host may still do something at this icount, so the machine can
    ///   be paused, but not be taken elsewhere.
    @inline(never)
    func reachStop(isAccounted: Bool) {
        if isPlaying { withPinnedPlayer { reachBreak($0) } }
        if !isHalted { arrive(isAccounted: isAccounted) }
        if !isAccounted {
            // The first one comes before any journey.
            if travel.snapshots == nil { lookForSnapshot() }
            if let request = takeRequest() { begin(request) }
            if !isHalted { lookForSnapshot() }
            travel.publishBarrier()
        }
        updateStop()
    }

    private func takeRequest() -> Travel.Request? {
        travel.inbox.withLock { inbox in
            travel.taken = inbox.number
            guard let request = inbox.request.take() else { return nil }
            // It replaces a journey that is under way.
            shared.goesBack.store(request.isBackward && isPlaying, ordering: .relaxed)
            return request
        }
    }

    /// Is the goal reached?
    private func arrive(isAccounted: Bool) {
        if let hit = travel.hit {
            lintStop(hit)
            noteAccess(hit)
            return halt(.breakpoint)
        }
        let icount = isIdle ? host.icount : self.icount
        switch travel.goal {
        case .none: break
        case .step(let until): if icount >= until { halt(.place) }
        case .seek(let target):
            guard icount >= target else { break }
            if let access = travel.wantedAccess, access.icount == icount {
                travel.goal = .access(access)
                travel.wantedAccess = nil
            } else if !mustStepFurtherBack {
                halt(.place)
            } else if !isAccounted {
                withPinnedPlayer { stepFurtherBack(from: target, $0) }
            }
        case .access(let place):
            if icount == place.icount {
                if withPlayer({ $0.nextIndex >= place.event }) == true { halt(.place) }
            } else if !isAccounted {
                // What came there wasn't an interrupt.
                withPinnedPlayer { go(to: place.icount, $0) }
            }
        case .hit(let hit): if icount > hit.icount { halt(.place) }
        case .search(let search): if icount >= search.end, !isAccounted { endInterval(search) }
        }
    }

    private func begin(_ request: Travel.Request) {
        engage()
        travel.snapshots?.beginJourney()
        if request.isJourney { reopen() }
        (travel.backFrom, travel.wantedAccess) = (nil, nil)
        switch request {
        case .pause: isHalted ? confirmHalt() : halt(.request)
        case .resume: unhalt()
        case .step:
            unhalt()
            travel.goal = .step(until: host.icount &+ 1)
        case .seek(let target): withPinnedPlayer { go(to: target, $0) }
        case .reverseStep, .reverseStepToAccess:
            travel.backFrom = icount
            let isAfterAccess = request == .reverseStepToAccess && travel.access?.icount == icount &- 1
            travel.wantedAccess = isAfterAccess ? travel.access : nil
            withPinnedPlayer { icount == 0 ? arriveAtBegin($0) : go(to: icount &- 1, $0) }
        case .reverseContinue: withPinnedPlayer { search($0) }
        }
    }

    private func noteAccess(_ hit: Travel.Hit) {
        travel.access = nil
        guard hit.isWatch else { return }
        withPlayer { player in
            guard player.hasConsumed(at: hit.icount) else { return }
            travel.access = SnapshotPlace(icount: hit.icount, event: player.nextIndex)
        }
    }

    // MARK: Seek

    /// PLAY: to a place before the events there.
    private func go(to target: UInt64, _ player: Player) {
        let mustGoBack = target < icount || target == icount && player.hasConsumed(at: icount)
        let nearest = ready(after: mustGoBack ? nil : icount) { $0.nearest(before: target) }
        if mustGoBack || (nearest?.place.icount ?? 0) > icount {
            guard let nearest else { return arriveAtBegin(player) }
            shared.goesBack.store(mustGoBack, ordering: .relaxed)
            guard let start = load(nearest, player) else { return }
            if start.place.icount > target { return arriveAtBegin(player) }
        }
        unhalt()
        travel.goal = .seek(target)
        plan(before: target)
        arrive(isAccounted: false)
    }

    /// PLAY: to the first snapshot, because nothing before it is known.
    private func arriveAtBegin(_ player: Player) {
        if let first = ready({ $0.nearest(before: 0) }) ?? ready({ $0.labels.first }) {
            let isThere = first.place.icount == icount && first.place.event == player.nextIndex
            reportMissing(before: first.place)
            if !isThere, load(first, player) == nil { return }
        } else {
            noteNoWay()
        }
        unhalt()
        halt(.begin)
    }

    /// Snapshots near the target make the next steps back cheap.
    private func plan(before target: UInt64) {
        guard let snapshots = travel.snapshots else { return }
        var places: [UInt64] = []
        var distance = Travel.nearest
        while distance <= Travel.farthest, distance < target, target &- distance > icount {
            let place = target &- distance
            // One that is near enough serves as well.
            if !snapshots.has(after: place &- min(place, distance / 2), upTo: place) { places.append(place) }
            distance &*= 2
        }
        travel.planned = places
        travel.nextLook = min(travel.nextLook, places.last ?? .max)
    }

    /// The host's instructions may count as more than one: then the place before the one where a step back began
    /// may be where it began.
    var mustStepFurtherBack: Bool { travel.backFrom.map { host.icount >= $0 } ?? false }

    private func stepFurtherBack(from target: UInt64, _ player: Player) {
        target == 0 ? arriveAtBegin(player) : go(to: target &- 1, player)
    }

    // MARK: Search

    private func search(_ player: Player) {
        guard let snapshots = travel.snapshots else { return arriveAtBegin(player) }
        snapshots.refresh()
        let here = SnapshotPlace(icount: icount, event: player.nextIndex)
        let earlier = snapshots.labels.filter { $0.place <= here }
        runInterval(before: Travel.Search(end: icount, earlier: earlier, watched: watchedPages), player)
    }

    /// Runs the latest interval that may have a hit.
    private func runInterval(before later: Travel.Search, _ player: Player) {
        guard let snapshots = travel.snapshots else { return }
        var search = later
        while let start = search.earlier.popLast() {
            // It may be the one since which the written pages are known.
            if start.place.icount >= search.end {
                search.next = start
                continue
            }
            if let pages = search.watched, !snapshots.mayHaveWritten(pages, from: start, to: search.next) {
                (search.end, search.next) = (start.place.icount, start)
                continue
            }
            // Then the interval begins at the one before it.
            guard isReady(start, snapshots) else { continue }
            shared.goesBack.store(true, ordering: .relaxed)
            guard let loaded = load(start, player) else { return }
            if loaded.id != start.id {
                if loaded.place.icount >= search.end { break }
                search.earlier.removeAll { $0.place >= loaded.place }
            }
            search.start = loaded
            // Before this place, what is watched may be elsewhere.
            search.watched = watchedPages
            unhalt()
            travel.goal = .search(search)
            return
        }
        arriveAtBegin(player)
    }

    /// The pages without whose being written no breakpoint is hit; nil: not known.
    private var watchedPages: [PageAddress]? {
        guard let ram = travel.snapshots?.ram, let places = inHost({ host.watchedRAM }) else { return nil }
        let pages = places.compactMap(ram.page)
        return pages.count == places.count ? pages : nil
    }

    private func endInterval(_ search: Travel.Search) {
        withPinnedPlayer { player in
            guard let hit = search.found else {
                var earlier = search
                if let start = search.start { (earlier.end, earlier.next) = (start.place.icount, start) }
                return runInterval(before: earlier, player)
            }
            // What comes at the icount of the very first snapshot may be before it, and the hit after it.
            guard let nearest = ready({ $0.nearest(before: hit.icount) }) ?? ready(search.start) else {
                return arriveAtBegin(player)
            }
            guard let start = load(nearest, player) else { return }
            if start.place.icount > hit.icount { return arriveAtBegin(player) }
            unhalt()
            travel.goal = .hit(hit)
            plan(before: hit.icount)
        }
    }
}
