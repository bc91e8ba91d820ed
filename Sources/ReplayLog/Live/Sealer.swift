import Glibc
import ReplaySystem
import Synchronization

/// The thread that turns full segments into chunks, and the only one that writes `NAME`.
///
/// It does jobs in order. Whoever submits one gets a ticket and may wait for it. After a failure
/// it ignores jobs: their segments stay in the live file.
final class Sealer: @unchecked Sendable {
    // Sendable: the monitor guards what both threads use; only the sealer's thread uses the chunk writer.

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

    // Guarded by the monitor.
    private var jobs: [Job] = []
    private var submitted: Ticket = 0
    private var completed: Ticket = 0
    private var stopping = false
    private var firstFailure: LogError?
    private var refusal: LogError?

    // Used by the sealer's thread only.
    private var appended = true
    private var folderSynced = false
    private var syncedWords: (UInt64, UInt64) = (0, 0)

    init(files: LogFiles, chunks: ChunkWriter, options: LogOptions, system: Syscalls) throws(LogError) {
        self.files = files
        self.chunks = chunks
        syncInterval = min(max(options.syncInterval, 0), 3_600_000_000_000)
        jobs.reserveCapacity(4)
        // Unowned: `stop()` joins the thread before the object is freed.
        thread = try system.startThread { [unowned self] in run() }
            .orThrow("written: no thread could be started", files.path)
    }

    /// Ends the thread after its current jobs. Must be called before the sealer is released.
    func stop() {
        guard let thread else { return }
        monitor.withLock {
            stopping = true
            monitor.wakeAll()
        }
        thread.join()
        self.thread = nil
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
        var nextSync = deadline()
        monitor.lock()
        while true {
            if let job = jobs.first {
                let dead = firstFailure != nil
                monitor.unlock()
                let failure = dead ? nil : perform(job)
                monitor.lock()
                jobs.removeFirst()
                note(failure, of: job)
                completed &+= 1
                monitor.wakeAll()
            } else if stopping {
                break
            } else if syncInterval == 0 {
                monitor.wait()
            } else {
                monitor.wait(until: nextSync)
            }
            if syncInterval > 0 && isPast(nextSync) {
                monitor.unlock()
                let failure = sync()
                monitor.lock()
                note(failure)
                nextSync = deadline()
            }
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
            appended = true
            return nil
        } catch {
            return error
        }
    }

    /// Syncs what was written since the last call.
    private func sync() -> LogError? {
        if let damage = live.damage() { return damage }
        let words = (
            live.committed(0).pointee.load(ordering: .relaxed),
            live.committed(1).pointee.load(ordering: .relaxed)
        )
        if words != syncedWords || appended {
            if case .failure(let error) = live.sync() {
                return LogError.system(error, "synced", files.path)
            }
            syncedWords = words
        }
        if appended {
            do throws(LogError) { try chunks.sync() } catch { return error }
            appended = false
        }
        do throws(LogError) { try chunks.expire() } catch { return error }
        if !folderSynced && files.isCommitted {
            files.syncFolder()
            folderSynced = true
        }
        return nil
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
