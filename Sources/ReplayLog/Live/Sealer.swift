import Glibc
import ReplaySystem
import Synchronization

/// The thread that turns full segments into chunks, and the only one that appends to `NAME`. A second one writes both
/// files to the disk from time to time, so that no segment waits for the disk.
///
/// It does jobs in order. Whoever submits one gets a ticket and may wait for it. After a failure
/// it ignores jobs: their segments stay in the live file.
final class Sealer: @unchecked Sendable {
    // Sendable: the monitor guards what the threads share. Only the sealer's thread uses the chunk writer, except what
    // that allows.

    enum Job {
        case metadata([UInt8])
        /// The live segment of that number.
        case segment(Int, SegmentDescription)
        /// An event longer than a segment. The bytes live until the job is done.
        case oversize(UnsafeRawPointer, SegmentDescription)
        case finish(LogEnd, icount: UInt64, chain: UInt64)
    }

    typealias Ticket = UInt64

    private let files: LogFiles
    private let chunks: ChunkWriter
    private let syncInterval: Int64
    private let monitor = Monitor()
    private var thread: LibraryThread?
    private var syncThread: LibraryThread?

    // Guarded by the monitor.
    private var jobs: [Job] = []
    private var submitted: Ticket = 0
    private var completed: Ticket = 0
    private var stopping = false
    private var firstFailure: LogError?
    private var refusal: LogError?
    /// Something was written to `NAME` since the last sync.
    private var appended = true

    // Used by the thread that syncs only.
    private var folderSynced = false
    private var syncedWords: [UInt64] = []
    private var syncedBinding: UInt64?

    init(files: LogFiles, chunks: ChunkWriter, options: LogOptions, system: Syscalls) throws(LogError) {
        self.files = files
        self.chunks = chunks
        syncInterval = min(max(options.syncInterval, 0), 3_600_000_000_000)
        jobs.reserveCapacity(live.layout.segmentCount &+ 4)
        // Unowned: `stop()` joins the thread before the object is freed.
        thread = try system.startThread { [unowned self] in run() }
            .orThrow("written: no thread could be started", files.path)
        guard syncInterval > 0 else { return }
        do throws(LogError) {
            syncThread = try system.startThread { [unowned self] in runSyncs() }
                .orThrow("written: no thread could be started", files.path)
        } catch {
            stop()
            throw error
        }
    }

    /// Ends both threads after the current jobs. Must be called before the sealer is released.
    func stop() {
        guard let thread else { return }
        monitor.withLock {
            stopping = true
            monitor.wakeAll()
        }
        thread.join()
        self.thread = nil
        syncThread?.join()
        syncThread = nil
    }

    /// Why the log died, if it did.
    var failure: LogError? {
        monitor.withLock { firstFailure }
    }

    /// Makes the thread ignore all later jobs.
    func end(because error: LogError) {
        monitor.withLock { note(error) }
    }

    func submit(_ job: Job) -> Ticket {
        monitor.withLock {
            jobs.append(job)
            submitted &+= 1
            monitor.wakeAll()
            return submitted
        }
    }

    /// Whether the job is done, without waiting.
    func isDone(_ ticket: Ticket) -> Bool {
        monitor.withLock { completed >= ticket }
    }

    func wait(for ticket: Ticket) {
        monitor.withLock {
            while completed < ticket { monitor.wait() }
        }
    }

    /// Why the last job was refused, if the log itself is alive. Returned once.
    func takeRefusal() -> LogError? {
        monitor.withLock {
            defer { refusal = nil }
            return refusal
        }
    }

    /// The recorder has failed.
    func fail(_ error: LogError) {
        monitor.withLock { note(error) }
    }

    private var live: LiveFile { files.live }

    private func run() {
        LibraryThread.receiveBusErrors()
        monitor.lock()
        while true {
            if let job = jobs.first {
                let dead = firstFailure != nil
                monitor.unlock()
                let failure = dead ? nil : perform(job)
                monitor.lock()
                jobs.removeFirst()
                if !dead, failure == nil { appended = true }
                note(failure, of: job)
                completed &+= 1
                monitor.wakeAll()
            } else if stopping {
                break
            } else {
                monitor.wait()
            }
        }
        monitor.unlock()
    }

    /// The other thread: syncs from time to time.
    private func runSyncs() {
        LibraryThread.receiveBusErrors()
        var nextSync = deadline()
        monitor.lock()
        while !stopping {
            if !isPast(nextSync) {
                monitor.wait(until: nextSync)
                continue
            }
            let hasChunks = appended
            appended = false
            monitor.unlock()
            var failure: LogError?
            do throws(LogError) { try sync(hasChunks: hasChunks) } catch { failure = error }
            monitor.lock()
            note(failure)
            nextSync = deadline()
        }
        monitor.unlock()
    }

    /// With the lock held. Only an event that waits for its job can be refused. If a segment can't become
    /// a chunk, the log ends.
    private func note(_ failure: LogError?, of job: Job? = nil) {
        guard let failure else { return }
        if failure.code == .noMemory, case .oversize? = job {
            refusal = failure
            return
        }
        if firstFailure == nil {
            firstFailure = failure
            live.noteFailure(failure.errno)
        }
    }

    private func perform(_ job: Job) -> LogError? {
        do throws(LogError) {
            switch job {
            case .metadata(let payload):
                try chunks.writeMetadata(payload) { live.bind($0) }
            case .segment(let index, let description):
                // Checked again after the events were copied: a lost page reads as zeros, which aren't events.
                if let damage = live.damage() { throw damage }
                try chunks.writeEvents(
                    description, UnsafeRawBufferPointer(start: live.data(index), count: description.length),
                    unless: { [live] in live.damage() })
                live.markFree(index)
            case .oversize(let bytes, let description):
                try chunks.writeEvents(
                    description, UnsafeRawBufferPointer(start: bytes, count: description.length))
            case .finish(let end, let icount, let chain):
                try chunks.verify()
                try chunks.writeFinish(end, icount: icount, chain: chain)
                try chunks.sync()
            }
            return nil
        } catch {
            return error
        }
    }

    /// Syncs what was written since the last call. While chunks come, the events in the live file are about to become
    /// one; syncing its pages would make the recorder wait for each that it writes next.
    private func sync(hasChunks: Bool) throws(LogError) {
        if let damage = live.damage() { throw damage }
        let words = (0..<live.layout.segmentCount).map { live.committed($0).pointee.load(ordering: .relaxed) }
        if syncedBinding != live.binding {
            // A live file that doesn't say whose it is can't be used.
            syncedBinding = live.binding
            try live.syncHeader().orThrow("synced", files.path)
        }
        if hasChunks {
            try chunks.sync()
        } else if words != syncedWords {
            try live.sync().orThrow("synced", files.path)
            syncedWords = words
        }
        try chunks.expire()
        if !folderSynced && files.isCommitted {
            files.syncFolder()
            folderSynced = true
        }
    }

    private func deadline() -> timespec {
        var time = Syscalls.monotonicTime()
        time.tv_sec &+= time_t(truncatingIfNeeded: syncInterval / 1_000_000_000)
        time.tv_nsec &+= Int(truncatingIfNeeded: syncInterval % 1_000_000_000)
        if time.tv_nsec >= 1_000_000_000 {
            time.tv_nsec &-= 1_000_000_000
            time.tv_sec &+= 1
        }
        return time
    }

    private func isPast(_ time: timespec) -> Bool {
        let now = Syscalls.monotonicTime()
        return now.tv_sec != time.tv_sec ? now.tv_sec > time.tv_sec : now.tv_nsec >= time.tv_nsec
    }
}
