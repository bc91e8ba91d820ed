import ReplayLog
import ReplaySnapshots
import ReplaySystem

/// The snapshots of a run: RAM in a store of pages, which a thread of the library fills, and with each the
/// state of host and engine as bytes. Those of `NAME.snap` are loaded into the store when they are needed.
///
/// The vCPU thread uses it.
final class Snapshots {
    let ram: GuestRAM
    private let staging: StagingBuffer
    private let worker: SnapshotWorker
    /// Used only while the worker's store is.
    private var reader: SnapshotFileReader?
    /// Is there a file that snapshots go to?
    private(set) var isWritten: Bool
    /// RECORD: are older ones given up? Then only the last labels are kept.
    private var keepsLast: Bool
    private static let mostKept = 64
    /// What is wrong with the file, for the host.
    private(set) var remarks: [String]
    /// All, in the order of their places. The store may have dropped some since.
    private(set) var labels: [SnapshotLabel] = []
    /// The events of the log, between which the places of those in the file are.
    private let range: ClosedRange<UInt64>
    /// PLAY: are any loaded?
    private var goesBack: Bool
    /// The number of the first one that this session has taken: the host reads what it has written.
    private var firstNumber: UInt64 = 0
    /// Those of other processes that the host has loaded.
    private var loaded: Set<UInt64> = []
    /// Are the other ones of other processes used?
    private var usesDoubtful = true
    /// Those of the file that can't be used.
    private var unusable: Set<UInt64> = []
    /// Why no more of the file are loaded on this journey: the content of their disks doesn't fit.
    private var noRoom: String?
    /// Those that have a device or timer that doesn't exist now. It may exist again when the replay has come to where
    /// it is plugged in or created, so a new journey looks at them again.
    private var missing: [UInt64: (place: SnapshotPlace, reason: String)] = [:]
    /// One was taken.
    private(set) var hasBegun = false
    private var nextNumber: UInt64 = 0
    /// A file doesn't get so many.
    private static let farNumber: UInt64 = 1 << 40
    /// Of the one that was taken last.
    private(set) var lastID: UInt64?
    /// The pages of all that were taken.
    private(set) var pagesTaken: UInt64 = 0
    /// The content of their disks.
    private var disks: [UInt64: DiskVersions] = [:]
    /// When there are so many, it is time to forget dropped ones.
    private var mostDisks = Snapshots.leastDisks
    private static let leastDisks = 64

    /// What may wait for the thread.
    private static let stagingBytes = 24 << 20

    /// Stores RAM as it is now. `budget` is what the store may take.
    init(
        _ regions: [RAMConfiguration], _ storage: SnapshotStorage?, budget: Int,
        range: ClosedRange<UInt64> = 0...UInt64.max, goesBack: Bool, _ system: Syscalls
    ) throws(SystemError) {
        (self.range, self.goesBack) = (range, goesBack)
        let ram = try GuestRAM(regions, system)
        guard let store = PageStore(ram.layout, budget: budget),
            let staging = StagingBuffer(ram.layout, memory: ram.memory, capacity: Self.stagingBytes)
        else { throw .noMemory }
        for (number, region) in regions.enumerated() {
            let bytes = UnsafeRawBufferPointer(
                start: region.bytes, count: Int(truncatingIfNeeded: region.length))
            guard store.addStart(region: number, bytes, system: system) else { throw .noMemory }
        }
        let file = storage?.open(ram, store)
        worker = try SnapshotWorker(staging, store, file: file?.writer, ring: file?.ring, system: system)
        keepsLast = file?.ring != nil
        (self.ram, self.staging, reader) = (ram, staging, file?.reader)
        (isWritten, remarks) = (file?.writer != nil || keepsLast, file?.remarks ?? [])
        refresh()
        // Other processes may extend a file that this session only reads: its own stay out of their way.
        nextNumber = (labels.map(\.id).max() ?? 0) / 2 &+ (isWritten ? 1 : Self.farNumber)
        firstNumber = nextNumber
    }

    deinit {
        // What it couldn't write, it has reported.
        _ = try? worker.finish()
    }

    /// So many of those in memory, about, become part of the store of a branch: the caller waits for it.
    private static let mostMoved = 50

    /// The replay has become a recording, whose snapshots go to a file of its own. What the memory had at the start
    /// of the run is as before.
    ///
    /// - Parameter adapt: makes the state of one in memory one of that recording. False: it isn't.
    func beginRecording(
        _ storage: SnapshotStorage?, adapt: (SnapshotLabel, UnsafeMutableRawBufferPointer) -> Bool
    ) {
        let file = worker.withStore { store in storage?.open(ram, store) }
        worker.replace(file: file?.writer, ring: file?.ring)
        worker.withStore { store in
            let step = max(store.labels.count / Self.mostMoved, 1)
            for (number, label) in store.labels.enumerated()
            where number % step == 0 && store.changeState(of: label.id, { adapt(label, $0) }) {
                file?.writer?.append(label.id, of: store, disks: disks[label.id]?.forFile ?? [])
            }
        }
        (reader, keepsLast, goesBack) = (nil, file?.ring != nil, false)
        (isWritten, remarks) = (file?.writer != nil || keepsLast, file?.remarks ?? [])
        (labels, unusable, missing, disks) = ([], [], [:], [:])
        (hasBegun, lastID) = (false, nil)
    }

    /// The numbers of the events that follow those in memory up to a place, in order.
    func eventsInMemory(upTo place: SnapshotPlace) -> [UInt64] {
        Set(worker.withStore { $0.labels }.filter { $0.place <= place }.map(\.place.event)).sorted()
    }

    /// What the thread has done.
    var progress: SnapshotWorker.Counts { worker.statistics }

    /// Why nothing is written to the file any more.
    var fileFailure: String? { worker.fileFailure?.message }

    // MARK: Take

    /// False: the thread is behind; try again later.
    func take(
        _ place: SnapshotPlace, isArrival: Bool, state: [UInt8], disks: DiskVersions, isKept: Bool = false,
        isForFile: Bool = false
    ) throws(SystemError) -> Bool {
        if staging.lost > 0 { worker.withStore { $0.lostPages(ram.mark) } }
        try ram.collect()
        // Replay time is about proportional to the count.
        let label = SnapshotLabel(
            id: nextNumber &<< 1 | (isArrival ? 1 : 0), place: place, work: place.icount, isKept: isKept)
        let isStaged =
            labels.makeRoom() && (disks.isEmpty || makeRoomForDisks())
            && ram.written.withUnsafeBufferPointer { pages in
                state.withUnsafeBytes {
                    staging.stage(
                        pages, label: label, state: $0, listsEveryWrite: ram.listsEveryWrite,
                        isForFile: isForFile, disks: isForFile ? disks.forFile : [])
                }
            } == .staged
        guard isStaged else {
            ram.keep()
            return false
        }
        pagesTaken &+= UInt64(truncatingIfNeeded: ram.written.count)
        ram.clean()
        nextNumber &+= 1
        if goesBack, !disks.isEmpty { self.disks[label.id] = disks }
        (hasBegun, lastID) = (true, label.id)
        labels.insert(label, at: labels.lastIndex { $0.place <= place }.map { $0 &+ 1 } ?? 0)
        if keepsLast, labels.count >= 2 &* Self.mostKept { labels.removeFirst(Self.mostKept) }
        return true
    }

    /// False: memory ran out.
    private func makeRoomForDisks() -> Bool {
        if disks.count >= mostDisks {
            refresh()
            mostDisks = 2 &* disks.count &+ Self.leastDisks
        }
        return CheckedMemory.has(4 &* (disks.count &+ 16) &* MemoryLayout<(UInt64, DiskVersions)>.stride)
    }

    /// One was loaded from the file before any was taken.
    func noteBegun() { hasBegun = true }

    func disks(of id: UInt64) -> DiskVersions { disks[id] ?? DiskVersions() }

    /// Waits until all that was taken is stored. - Returns: is one at this place?
    func settle(_ place: SnapshotPlace) -> Bool {
        worker.withStore { store in store.labels.contains { $0.place == place } }
    }

    /// Does one exist in this range?
    func has(after first: UInt64, upTo last: UInt64) -> Bool {
        labels.last { $0.place.icount <= last }.map { $0.place.icount > first } ?? false
    }

    func has(_ place: SnapshotPlace) -> Bool { labels.last { $0.place <= place }?.place == place }

    // MARK: Go back

    /// The last one from which the machine can run to an icount, and be there before the events.
    func nearest(before icount: UInt64) -> SnapshotLabel? {
        refresh()
        return labels.last { $0.place.icount < icount || $0.place.icount == icount && $0.isArrival }
    }

    /// Forgets those that the store has dropped, and adds what the file has got.
    func refresh() {
        var stored: [SnapshotLabel] = []
        labels = worker.withStore { store in
            stored = store.labels
            guard let reader, noRoom == nil else { return stored }
            // What can't be read now may be later.
            _ = try? reader.refresh()
            let known = Set(stored.map(\.id))
            let others = reader.labels.filter {
                range.contains($0.place.event) && !known.contains($0.id) && !unusable.contains($0.id)
                    && (usesDoubtful || isGood($0.id))
            }
            return others.isEmpty ? stored : (stored + others).sorted { $0.place < $1.place }
        }
        if !missing.isEmpty { labels.removeAll { missing[$0.id] != nil } }
        if disks.isEmpty { return }
        let ids = Set(stored.map(\.id))
        disks = disks.filter { ids.contains($0.key) }
    }

    /// A new journey tries again to load those of the file.
    func beginJourney() {
        noRoom = nil
        missing.removeAll()
    }

    /// What the last one before a place needs that doesn't exist now; nil: none was left out on this journey.
    func missing(before place: SnapshotPlace?) -> String? {
        let candidates = missing.values.filter { found in place.map { found.place < $0 } ?? true }
        return candidates.max { $0.place < $1.place }?.reason
    }

    enum Readiness {
        case ready
        /// To save memory.
        case dropped
        /// It isn't among the ``labels`` any more.
        case unusable(String)
        /// The same on this journey.
        case missing(String)
        /// The same for all of the file, on this journey.
        case noRoom(String)
    }

    /// Gets a snapshot into memory.
    ///
    /// - Parameters:
    ///   - missing: what the state has that doesn't exist now.
    ///   - refusal: what speaks against the state of one from the file.
    ///   - loadDisks: loads the disks of one from the file.
    func prepare(
        _ id: UInt64, missing: (UnsafeRawBufferPointer) -> String?,
        refusal: (UnsafeRawBufferPointer) -> String?,
        loadDisks: ([FileDisk], SnapshotFileReader) throws(ReplayError) -> DiskVersions
    ) -> Readiness {
        var loaded = DiskVersions()
        let readiness = worker.withStore { store -> Readiness in
            if let state = store.state(of: id) { return missing(state).map { .missing($0) } ?? .ready }
            if let noRoom { return .noRoom(noRoom) }
            guard let reader, usesDoubtful || isGood(id) else { return .dropped }
            do throws(LogError) {
                guard let snapshot = try reader.open(id) else { return .dropped }
                let state = try reader.state(of: snapshot)
                if let reason = refusal(state) { return .unusable(reason) }
                if let reason = missing(state) { return .missing(reason) }
                let disks = try reader.disks(of: snapshot)
                guard try store.adopt(snapshot, from: reader) == .adopted else {
                    return .unusable("memory ran out")
                }
                do throws(ReplayError) { loaded = try loadDisks(disks, reader) } catch {
                    store.drop(id)
                    return Overlay.isFull(SystemError(error.systemError))
                        ? .noRoom(error.message) : .unusable(error.message)
                }
                return .ready
            } catch {
                return .unusable(error.message)
            }
        }
        switch readiness {
        case .ready: if !loaded.isEmpty { disks[id] = loaded }
        case .dropped, .unusable:
            unusable.insert(id)
            labels.removeAll { $0.id == id }
        case .missing(let reason):
            if let label = labels.first(where: { $0.id == id }) {
                self.missing[id] = (label.place, reason)
            }
            labels.removeAll { $0.id == id }
        case .noRoom(let reason):
            noRoom = reason
            refresh()
        }
        return readiness
    }

    /// The disk is full, and the guest writes: drops the snapshots in memory that hold earlier content of disks,
    /// because they only save time. False: there were none.
    func dropDisks() -> Bool {
        let count = disks.count
        worker.withStore { store in
            for label in store.labels where !label.isKept && disks[label.id] != nil { store.drop(label.id) }
        }
        refresh()
        return disks.count < count
    }

    /// Is it known that the host can read it?
    func isGood(_ id: UInt64) -> Bool { id >> 1 >= firstNumber || loaded.contains(id) }

    func noteLoaded(_ id: UInt64) { if !isGood(id) { loaded.insert(id) } }

    /// The host has refused one of a different process: from now on only good ones are used.
    func dropDoubtful() {
        usesDoubtful = false
        worker.withStore { store in
            for label in store.labels where !isGood(label.id) { store.drop(label.id) }
        }
        refresh()
    }

    /// The last one that was made with a name; it must still be prepared. Nil: there is none.
    func find(_ name: String) -> SnapshotLabel? {
        refresh()
        return worker.withStore { store in
            reader?.labels.last { label in
                guard label.isKept, !unusable.contains(label.id),
                    let snapshot = try? reader?.open(label.id), let bytes = try? reader?.state(of: snapshot),
                    let state = SnapshotState(bytes)
                else { return false }
                return state.name.elementsEqual(name.fileBytes)
            }
        }
    }

    /// May one of these pages have been written between a snapshot and a later one? Nil: from the last one before
    /// this place until now.
    func mayHaveWritten(_ pages: [PageAddress], from start: SnapshotLabel, to end: SnapshotLabel?) -> Bool {
        guard let end else { return ram.mayHaveWritten(pages) }
        guard ram.listsEveryWrite else { return true }
        return worker.withStore { store in
            pages.contains { store.mayHaveWritten($0, from: start.id, to: end.id) }
        }
    }

    /// A copy of the state that a snapshot has; nil: there is no such snapshot, or memory ran out.
    func state(of id: UInt64) -> RawBuffer? {
        worker.withStore { store in store.state(of: id).flatMap { RawBuffer(copying: $0) } }
    }

    /// Loads RAM.
    func load(_ id: UInt64) throws(SystemError) {
        try ram.collect()
        let result = worker.withStore { store in
            ram.written.withUnsafeBufferPointer {
                store.restore(id, written: $0, memory: ram.memory, loaded: ram.noteLoaded)
            }
        }
        ram.clean()
        guard case .restored = result else { throw .noMemory }
    }

    var statistics: (count: Int, bytes: Int, dropped: UInt64) {
        worker.withStore { ($0.labels.count, $0.budget.used, $0.dropped) }
    }
}

extension SnapshotLabel {
    /// Was it taken before the events of its icount?
    var isArrival: Bool { id & 1 != 0 }
}
