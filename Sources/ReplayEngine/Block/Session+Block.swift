import CReplay
import Glibc
import ReplayLog
import ReplaySystem

/// The block filter's side of a session.
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
                name: name, backend: backend, overlay: overlay, isReadOnly: config.isReadOnly,
                length: length, workers: config.workers == 0 ? 2 : Int(config.workers), system,
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

    /// The guest gets I/O errors; the user needs to know why.
    private func reportFullOverlay(of name: String, _ place: String, _ error: SystemError) {
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
        close(disk)
        return .ok
    }

    /// Runs the remaining completions without recording them.
    private func close(_ disk: BlockDisk) {
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
        disk.close()
    }

    /// Releases the lock, because a backend may need a thread that waits for it.
    func waitUnlocked(_ seen: UInt32, _ timeout: Int64) {
        let held = replay_fair_lock_mine(lock)
        if held { replay_fair_lock_give(lock) }
        _ = replay_change_wait(change, seen, timeout)
        if held { _ = replay_fair_lock_take(lock) }
    }

    /// At the end of a session: closes the disks that the host hasn't closed.
    func closeDisks() { devices.removeAllDisks().forEach(close) }

    private func noDisk(_ function: StaticString) -> Status {
        misuse(.invalidArgument, "\(function) was called for a disk that this session does not have open")
    }

    // MARK: Requests

    package func submit(
        _ handle: UInt, _ operation: BlockRequestKind, offset: UInt64, length: UInt64, pieces: [iovec] = [],
        flags: UInt32, _ completion: @escaping @convention(c) (UnsafeMutableRawPointer?, Int32) -> Void,
        _ opaque: UnsafeMutableRawPointer?
    ) -> Status {
        if let refusal = refusal(.either, operation.function) { return refusal }
        guard let disk = devices.disk(handle) else { return noDisk(operation.function) }
        var what = operation.operation
        if what == .zeroes, disk.writesZeroes { what = .write }
        let isData = what == .read || what == .write
        guard let length = Int(exactly: length), !isData || length <= Self.longestPayload else {
            return misuse(.invalidArgument, "a request of \(length) bytes is too long")
        }
        guard
            let request = BlockRequest(
                disk, id: drawRequestID(), what, offset: offset, length: length, flags: flags,
                pieces: pieces,
                completion: completion, opaque: opaque)
        else { return memoryRanOut(for: "a request of \(length) bytes") }
        request.isUnwritten = isUnwrittenNow
        disk.submit(request)
        return .ok
    }

    package static func complete(_ handle: UInt, _ result: Int32) -> Bool {
        guard let request = RequestHandles.shared.take(handle) else { return false }
        return request.disk.done(request, result: result)
    }

    // MARK: Completions: record

    /// Records the completion of a request: its result, and the digest or data of a read.
    func write(_ request: BlockRequest) -> Bool {
        request.settle()
        let (id, result) = (request.id, request.result)
        guard request.operation == .read, result >= 0 else {
            return write(.block(request: id, result: result))
        }
        return options.blockData
            ? write(.blockData(request: id, result: result, request.buffer.readOnly))
            : write(.blockRead(request: id, result: result, dataDigest: request.digest))
    }

    // MARK: Completions: play

    /// Sets a request's recorded result. False if it can't be the recorded request.
    func prepareReplay(of request: BlockRequest, _ event: Event) -> Bool {
        let recorded = event.requestResult
        let carriesRead = event.knownKind != .block
        guard carriesRead == (request.operation == .read && recorded >= 0) else {
            diverge(request.description, device: request.disk.name)
            return false
        }
        if recorded >= 0, !reproduce(request, event) { return false }
        request.settle(as: recorded)
        return true
    }

    /// Reproduces the data of a read, or the effect of a write.
    private func reproduce(_ request: BlockRequest, _ event: Event) -> Bool {
        if event.knownKind == .blockData {
            guard event.bytes.count == request.buffer.capacity else {
                return differs(request, "a request of a different length")
            }
            request.buffer.bytes.copyMemory(from: event.bytes)
            return true
        }
        request.settle()
        if request.result == -ENOMEM {
            memoryRanOut(for: request.description)
            return false
        }
        guard request.result >= 0 else { return differs(request, "error \(-Int64(request.result))") }
        guard request.operation == .read else { return true }
        return request.digest == event.dataDigest || differs(request, "different data")
    }

    private func differs(_ request: BlockRequest, _ found: String) -> Bool {
        diverge(
            "\(found) in \(request.description)", status: .blockData,
            expected: "what \(request.disk.name) returned while recording", device: request.disk.name)
        return false
    }
}

/// A request as the C interface submits it.
package enum BlockRequestKind {
    case read
    case write
    case zeroes
    case discard
    case flush

    var operation: BlockOperation {
        switch self {
        case .read: .read
        case .write: .write
        case .zeroes: .zeroes
        case .discard: .discard
        case .flush: .flush
        }
    }

    var function: StaticString {
        switch self {
        case .read: "replay_block_read"
        case .write: "replay_block_write"
        case .zeroes: "replay_block_zeroes"
        case .discard: "replay_block_discard"
        case .flush: "replay_block_flush"
        }
    }
}
