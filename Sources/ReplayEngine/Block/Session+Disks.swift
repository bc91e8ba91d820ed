import CReplay
import Glibc
import ReplayLog
import ReplaySystem

/// The disks of a session: opening and closing.
extension Session {
    // MARK: Disks

    package func openDisk(_ config: DiskConfiguration) -> (UInt?, Status) {
        if let forkRefusal { return (nil, forkRefusal) }
        let opened: (UInt?, Status)? = preparation.visit { open(config) }
        return opened ?? (
            nil,
            misuse(.wrongState, "a disk can be opened only between replay_configure() and replay_start()")
        )
    }

    private func open(_ config: DiskConfiguration) -> (UInt?, Status) {
        let number = devices.takeDiskNumber()
        do {
            let disk = try makeDisk(config, number)
            _ = preparation.tell(Key.diskLength(disk.name), ByteText("\(disk.length)"), isLimited: false)
            return (devices.add(disk), .ok)
        } catch {
            return (nil, note(error))
        }
    }

    private func makeDisk(_ config: DiskConfiguration, _ number: Int) throws(ReplayError) -> BlockDisk {
        let name = config.name ?? "disk\(number)"
        guard config.workers <= UInt32(REPLAY_WORKERS_MAX) else {
            throw ReplayError(
                .invalidArgument, "\(config.workers) workers are too many for \(name)", device: name)
        }
        guard !devices.hasDisk(name) else {
            throw ReplayError(.invalidArgument, "a disk called \(name) already exists", device: name)
        }
        let writable = overlayKind(config) == .off && !config.isReadOnly
        let backend = try makeBackend(config, name, writable: writable)
        let overlay = try makeOverlay(config, name, over: backend)
        let length: Int64
        switch backend {
        case .file(let file):
            do { length = try file.length() } catch {
                throw ReplayError(error, "the length of the image of \(name) is unknown", device: name)
            }
        case .host(let backend): length = backend.length
        case .log(let recorded): length = recorded
        }
        do {
            return try BlockDisk(
                name: name, number: UInt64(number), backend: backend, overlay: overlay,
                isReadOnly: config.isReadOnly,
                length: length, workers: config.workers == 0 ? 2 : Int(config.workers),
                resubmits: config.resubmits && !isIdle, system,
                post: postCompletion)
        } catch {
            var failure = ReplayError(error, "no worker thread could be started for \(name)", device: name)
            failure.status = .noMemory
            throw failure
        }
    }

    /// Posts finished requests. It keeps the session alive, because a request may end while its session does.
    private var postCompletion: @Sendable (BlockRequest) -> Bool {
        { request in
            if self.isForked { return false }
            // In mode NONE the completion runs here, on a thread that may have a different current session.
            self.asCurrent { _ = self.post(.request(request)) }
            self.noteCompletion()
            return true
        }
    }

    private var system: Syscalls { Syscalls(faults: options.faults) }

    private func makeBackend(
        _ config: DiskConfiguration, _ name: String, writable: Bool
    ) throws(ReplayError) -> BlockDisk.Backend {
        if isPlaying, options.blockData, let player {
            let recorded = Fingerprint(player.reader.metadata.fingerprint)[Key.diskLength(name)]
            guard let length = recorded?.string.flatMap({ Int64($0) }) else {
                throw ReplayError(
                    .fingerprint, "the recorded machine had no \(name)", found: name, device: name)
            }
            return .log(length: length)
        }
        if let backend = config.backend {
            guard backend.isComplete(writable: writable) else {
                let needed = writable ? "length, read or write" : "length or read"
                throw ReplayError(.invalidArgument, "the backend of \(name) lacks \(needed)", device: name)
            }
            return .host(backend)
        }
        guard let image = config.image else {
            throw ReplayError(.invalidArgument, "\(name) has neither an image nor a backend", device: name)
        }
        do { return .file(try DataFile.image(image, writable: writable, system)) } catch {
            throw ReplayError(error, "the image \(image) of \(name) could not be opened", device: name)
        }
    }

    private func overlayKind(_ config: DiskConfiguration) -> DiskConfiguration.OverlayKind? {
        guard config.overlay == .usual else { return config.overlay }
        return isIdle ? .off : .temporary
    }

    private func makeOverlay(
        _ config: DiskConfiguration, _ name: String, over backend: BlockDisk.Backend
    ) throws(ReplayError) -> Overlay? {
        let folder = options.overlayFolder ?? DataFile.temporaryFolder
        var what = "the overlay of \(name) could not be made in \(folder)"
        do throws(SystemError) {
            switch overlayKind(config) {
            case .off: return nil
            case .temporary:
                let file = try DataFile.temporary(in: folder, system)
                return Overlay(file, isKept: false) { [weak self] error in
                    self?.reportFullOverlay(of: name, "in \(folder)", error)
                }
            case .file:
                what = "the overlay of \(name) could not be made"
                guard let named = config.overlayName else { throw SystemError(EINVAL, "it has no name") }
                what = "the overlay \(named) of \(name) could not be made"
                // A file in use, possibly the image itself, is refused before it is emptied.
                let file = try DataFile.kept(named, system)
                try file.empty()
                return Overlay(file, isKept: true) { [weak self] error in
                    self?.reportFullOverlay(of: name, named, error)
                }
            case .usual, nil: throw SystemError(EINVAL)
            }
        } catch {
            throw ReplayError(error, what, device: name)
        }
    }

    /// The guest gets I/O errors; the user needs to know why. A replay ends instead.
    private func reportFullOverlay(of name: String, _ place: String, _ error: SystemError) {
        if isPlaying { return }
        host.message(
            .warning,
            "the overlay of \(name), \(place), can't grow: \(error); the guest's writes fail "
                + "(the option rroverlay names the folder for temporary overlays)")
    }

    package func diskLength(_ handle: UInt) -> Int64 {
        isForked ? -Int64(EBADF) : devices.disk(handle)?.length ?? -Int64(EBADF)
    }

    package func closeDisk(_ handle: UInt) -> Status {
        if let refusal = refusalWithoutRole("replay_block_close") { return refusal }
        guard let disk = devices.removeDisk(handle) else { return noDisk("replay_block_close") }
        return close(disk).map { note($0) } ?? .ok
    }

    /// Runs the remaining completions without recording them.
    private func close(_ disk: BlockDisk) -> ReplayError? {
        while !disk.isIdle {
            let seen = replay_change_count(change)
            var (events, others) = (queue.inbox.takeAll(), EventChain())
            while let event = events.first {
                if case .request(let request) = event, request.disk === disk {
                    _ = events.popFirst()
                    request.reachGuest()
                } else {
                    events.moveFirst(to: &others)
                }
            }
            queue.inbox.putBack(others)
            for request in queue.arrived.values.compactMap(\.request).sorted(by: { $0.id < $1.id })
            where request.disk === disk {
                queue.arrived.removeValue(forKey: .block(request.id))
                request.reachGuest()
            }
            if !disk.isIdle { waitUnlocked(seen, 10_000_000) }
        }
        return disk.close().map {
            var error = ReplayError(
                $0, "the overlay of \(disk.name) could not get the disk's layout and must not be used",
                device: disk.name)
            error.status = .system
            return error
        }
    }

    /// Releases the lock, because a backend may need a thread that waits for it.
    func waitUnlocked(_ seen: UInt32, _ timeout: Int64) {
        let held = replay_fair_lock_mine(lock)
        if held { replay_fair_lock_give(lock) }
        _ = replay_change_wait(change, seen, timeout)
        if held { _ = replay_fair_lock_take(lock) }
    }

    /// At the end of a session: closes the disks that the host hasn't closed. - Returns: the first failure.
    func closeDisks() -> ReplayError? {
        devices.removeAllDisks().reduce(nil) { failure, disk in
            let error = close(disk)
            return failure ?? error
        }
    }

    func noDisk(_ function: StaticString) -> Status {
        misuse(.invalidArgument, "\(function) was called for a disk that this session does not have open")
    }
}
