import Glibc
import ReplayLog
import ReplaySnapshots
import ReplaySystem
import Synchronization

/// Snapshots of the whole machine: RAM, the host's state, and the engine's.
extension Session {
    /// The first bytes of a snapshot's state: the length of the engine's part.
    private static let lengthBytes = 4

    // MARK: Preparation

    package func registerRAM(_ region: RAMConfiguration) -> Status {
        if let forkRefusal { return forkRefusal }
        let late = "RAM can be registered only between replay_configure() and replay_start()"
        let answer: Preparation.Answer? = preparation.visit { preparation.register(region) }
        switch answer {
        case .taken?: return .ok
        case .full?:
            return misuse(
                .invalidArgument,
                "the RAM \(region.name) can't be registered: its name exists, its length isn't a multiple of its page size, or there are too many regions"
            )
        case .late?, nil: return misuse(.wrongState, late)
        }
    }

    /// At the start: has the vCPU thread something to do before its first slice?
    func prepareTravel() {
        travel.nextLook = isPlaying && host.savesState ? 0 : .max
        if travel.pausesAtStart { travel.inbox.withLock { $0 = .pause } }
        updateStop()
    }

    /// From now on snapshots are taken on the way.
    func engage() {
        if travel.isEngaged { return }
        travel.isEngaged = true
        travel.pace.restart(icount, Self.threadTime)
        if travel.snapshots != nil { travel.nextLook = icount }
    }

    // MARK: Take

    /// PLAY: takes a snapshot if it is time for one.
    func lookForSnapshot() {
        guard isPlaying, icount >= travel.nextLook else { return }
        if let snapshots = travel.snapshots {
            look(snapshots)
        } else {
            beginSnapshots()
        }
    }

    /// PLAY: the snapshot at the start.
    private func beginSnapshots() {
        travel.nextLook = .max
        guard withPinnedPlayer({ accountForPlaying(host.icount, $0) }) == true else { return }
        if let error = diskWithoutWay {
            travel.obstacle = error.message
            return
        }
        do throws(SystemError) {
            let snapshots = try Snapshots(preparation.ram, Syscalls(faults: options.faults))
            travel.snapshots = snapshots
            travel.pace = SnapshotPace(icount, Self.threadTime)
            if !take(snapshots, isKept: true) {
                travel.snapshots = nil
                if travel.obstacle == nil { travel.nextLook = icount &+ Travel.retryInterval }
                return
            }
        } catch {
            travel.snapshots = nil
            travel.obstacle = "RAM can't be read for snapshots: \(error)"
            return
        }
        travel.nextLook = travel.isEngaged ? travel.pace.next : .max
    }

    private func look(_ snapshots: Snapshots) {
        guard travel.isEngaged else {
            travel.nextLook = .max
            return
        }
        let isPlanned = travel.planned.last.map { $0 <= icount } ?? false
        if snapshots.has(after: travel.pace.icount, upTo: icount) { travel.pace.pass(Self.threadTime) }
        travel.pace.look(icount, Self.threadTime)
        var next = travel.pace.next
        if isPlanned || travel.pace.isDue || (try? snapshots.ram.writtenCount()) ?? 0 >= Travel.mostPages {
            if take(snapshots) {
                travel.pace.pass(Self.threadTime)
            } else {
                next = icount &+ Travel.retryInterval
            }
        }
        while let place = travel.planned.last, place <= icount { travel.planned.removeLast() }
        travel.nextLook = min(next, travel.planned.last ?? .max)
    }

    /// False: none is possible here.
    private func take(_ snapshots: Snapshots, isKept: Bool = false) -> Bool {
        guard let player, !hasFailed, obstacle == nil, accountForPlaying(host.icount, player) else {
            return false
        }
        var state: [UInt8] = []
        let (head, body) = position(chain: 0).encoded()
        let length = head.count &+ body.count
        guard state.makeRoom(for: Self.lengthBytes &+ length) else { return false }
        withUnsafeBytes(of: UInt32(truncatingIfNeeded: length).littleEndian) { state += $0 }
        state += head
        state += body
        let isWritten = inHost {
            host.saveState { bytes in
                guard state.makeRoom(for: bytes.count) else { return false }
                state += bytes
                return true
            }
        }
        guard isWritten else {
            travel.obstacle = "the host can't save its state (replay_host::save_state)"
            return false
        }
        guard let disks = keepDisks() else { return false }
        travel.obstacle = nil
        let place = SnapshotPlace(icount: icount, event: player.nextIndex)
        let isArrival = !player.hasConsumed(at: icount)
        do throws(SystemError) {
            return try snapshots.take(
                place, isArrival: isArrival, state: state, disks: disks, isKept: isKept)
        } catch {
            travel.obstacle = "RAM can't be read for snapshots: \(error)"
            return false
        }
    }

    private static var threadTime: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    // MARK: Load

    /// PLAY: takes the machine to a snapshot. False: the replay has failed.
    func load(_ label: SnapshotLabel, _ player: Player) -> Bool {
        player.thaw()
        guard let snapshots = travel.snapshots, let state = snapshots.state(of: label.id) else {
            return failToLoad("memory ran out", .noMemory)
        }
        do throws(ReplayError) {
            let (position, rest) = try split(state.readOnly)
            try go(to: position, player, isTrusted: true)
            do throws(SystemError) { try snapshots.load(label.id) } catch {
                throw ReplayError(error, "RAM could not be loaded", device: "")
            }
            adopt(snapshots.disks(of: label.id))
            var place = rest
            let isRead = inHost {
                host.loadState { target in
                    guard target.count <= place.count else { return false }
                    target.copyBytes(from: place.prefix(target.count))
                    place = UnsafeRawBufferPointer(rebasing: place.dropFirst(target.count))
                    return true
                }
            }
            guard isRead else {
                return failToLoad("the host refused its state (replay_host::load_state)", .position)
            }
        } catch {
            return failToLoad(error.message, error.status)
        }
        player.noteArrival(label.isArrival)
        travel.pace.restart(icount, Self.threadTime)
        travel.nextLook = travel.pace.next
        return true
    }

    private func failToLoad(_ reason: String, _ status: Status) -> Bool {
        fail(ReplayError(status, "a snapshot can't be loaded: \(reason)", at: self), .divergence)
        return false
    }

    /// The engine's part of a snapshot's state, and the host's.
    private func split(_ state: UnsafeRawBufferPointer) throws(ReplayError)
        -> (EnginePosition, UnsafeRawBufferPointer)
    {
        let damage = EnginePosition.error("it is damaged")
        guard state.count >= Self.lengthBytes else { throw damage }
        let length = Int(UInt32(littleEndian: state.loadUnaligned(as: UInt32.self)))
        let engine = state.dropFirst(Self.lengthBytes).prefix(length)
        guard engine.count == length, length > EnginePosition.headSize else { throw damage }
        let position = try EnginePosition(
            body: UnsafeRawBufferPointer(rebasing: engine.dropFirst(EnginePosition.headSize)),
            timers: self.state.timers)
        return (position, UnsafeRawBufferPointer(rebasing: state.dropFirst(Self.lengthBytes &+ length)))
    }
}
