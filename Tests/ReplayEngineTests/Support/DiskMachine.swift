import CReplay
import Glibc
import ReplaySystem
import Testing

@testable import Replay
@testable import ReplayEngine

/// A machine with one thread and one disk, recorded or replayed through the C interface, whose system calls can be made
/// to fail.
final class DiskMachine {
    enum Storage: CaseIterable {
        case image, temporaryOverlay, keptOverlay

        var overlay: replay_block_overlay_t {
            switch self {
            case .image: replay_block_overlay_t(REPLAY_BLOCK_OVERLAY_OFF)
            case .temporaryOverlay: replay_block_overlay_t(REPLAY_BLOCK_OVERLAY_TEMPORARY)
            case .keptOverlay: replay_block_overlay_t(REPLAY_BLOCK_OVERLAY_FILE)
            }
        }
    }

    enum Request {
        case read(Int, Int)
        case write(Int, [UInt8], isForced: Bool)
        case zeroes(Int, Int)
        case discard(Int, Int)
        case flush
    }

    /// What a request ended with; data only if a read was successful.
    struct Outcome: Equatable {
        var result: Int32
        var data: [UInt8] = []
    }

    /// The statuses of opening and running.
    private(set) var opened = Status.ok
    /// The error with which the run stopped.
    private(set) var stopped: Status?
    private(set) var hasStopped = false
    private var icount: UInt64 = 0
    private var disk: OpaquePointer?
    private let session: OpaquePointer

    /// Configures, opens the disk and starts. `isArmed` is true while the disk is opened.
    init(
        _ mode: Int, _ folder: String, _ storage: Storage, faults: SyscallFaults?,
        arm: (Bool) -> Void
    ) throws {
        session = try #require(replay_session_new())
        #expect(replay_session_push_current(session) == Status.ok.code)
        try withExtendedLifetime(self) {
            let texts = ["log", "image", "overlay"].map { strdup("\(folder)/\($0)") }
            defer { for text in texts { free(text) } }
            try configure(mode, texts[0], faults)
            var config = replay_block_config_t()
            config.size = UInt32(MemoryLayout<replay_block_config_t>.size)
            config.filename = UnsafePointer(texts[1])
            config.overlay = storage.overlay
            config.workers = 1
            if storage == .keptOverlay { config.overlay_filename = UnsafePointer(texts[2]) }
            arm(true)
            var status: replay_status_t = 0
            disk = replay_block_open(&config, &status)
            arm(false)
            opened = Status(status)
            guard disk != nil else { return }
            #expect(
                replay_thread_attach(replay_role_t(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO)) == Status.ok.code)
            opened = Status(replay_start())
            #expect(replay_mutex_lock() == Status.ok.code)
        }
    }

    private func configure(_ mode: Int, _ log: UnsafeMutablePointer<CChar>?, _ faults: SyscallFaults?) throws
    {
        var host = replay_host_t()
        host.size = UInt32(MemoryLayout<replay_host_t>.size)
        host.icount = { DiskMachine.at($0).icount }
        host.cpus_idle = { _ in false }
        host.stop = { machine, _, error in
            let machine = DiskMachine.at(machine)
            machine.hasStopped = true
            machine.stopped = machine.stopped ?? error.map { Status($0.pointee.status) }
        }
        try withUnsafePointer(to: host) { host in
            var config = replay_config_t()
            config.size = UInt32(MemoryLayout<replay_config_t>.size)
            config.mode = replay_mode_t(mode)
            config.host = host
            config.opaque = Unmanaged.passUnretained(self).toOpaque()
            config.filename = UnsafePointer(log)
            let engine = Unmanaged<Session>.fromOpaque(UnsafeRawPointer(session)).takeUnretainedValue()
            try #require(engine.configure(config, faults: faults) == .ok)
        }
    }

    private static func at(_ opaque: UnsafeMutableRawPointer?) -> DiskMachine {
        guard let opaque else { fatalError("a callback without its machine") }
        return Unmanaged<DiskMachine>.fromOpaque(opaque).takeUnretainedValue()
    }

    // MARK: Running

    /// Executes up to `count` instructions, fewer if an event is next.
    private func execute(_ count: UInt64) {
        let budget = replay_get_budget(count)
        if budget > 0 {
            icount += budget
            replay_account_executed_instructions()
        } else {
            _ = replay_wait(1_000_000)
        }
        _ = replay_start_warp_timer()
        _ = replay_account_warp_timer()
    }

    private final class Completion {
        var result: Int32?
    }

    /// Submits, and runs until the completion. nil: the run has stopped before.
    func perform(_ request: Request) -> Outcome? {
        let completion = Completion()
        let opaque = Unmanaged.passUnretained(completion).toOpaque()
        let complete: replay_block_complete_t = { opaque, result in
            opaque.map { Unmanaged<Completion>.fromOpaque($0).takeUnretainedValue().result = result }
        }
        var buffer: [UInt8] = []
        if case .read(_, let count) = request { buffer = [UInt8](repeating: 0xEE, count: count) }
        if case .write(_, let bytes, _) = request { buffer = bytes }
        let length = buffer.count
        return buffer.withUnsafeMutableBytes { bytes in
            var piece = iovec(iov_base: bytes.baseAddress, iov_len: length)
            let status: replay_status_t =
                switch request {
                case .read(let offset, _):
                    replay_block_read(disk, UInt64(offset), &piece, 1, 0, complete, opaque)
                case .write(let offset, _, let isForced):
                    replay_block_write(
                        disk, UInt64(offset), &piece, 1, isForced ? UInt32(REPLAY_BLOCK_FUA) : 0, complete,
                        opaque)
                case .zeroes(let offset, let count):
                    replay_block_zeroes(disk, UInt64(offset), UInt64(count), 0, complete, opaque)
                case .discard(let offset, let count):
                    replay_block_discard(disk, UInt64(offset), UInt64(count), complete, opaque)
                case .flush: replay_block_flush(disk, complete, opaque)
                }
            if status == Status.ok.code {
                while completion.result == nil, !hasStopped { execute(10) }
            }
            // A session that has failed completes its requests when the disk is closed: not with the guest's data.
            guard let result = completion.result, !hasStopped else {
                if completion.result == nil, status == Status.ok.code { finishDisk() }
                return nil
            }
            guard case .read = request, result >= 0 else { return Outcome(result: result) }
            return Outcome(result: result, data: Array(bytes))
        }
    }

    private func finishDisk() {
        _ = replay_block_close(disk)
        disk = nil
    }

    /// PLAY: up to the end of the log.
    func runToEnd() {
        while !hasStopped { execute(1000) }
    }

    /// Executes a little more, and ends the run.
    func finish() -> Status {
        if disk != nil, !hasStopped { for _ in 0..<3 { execute(10) } }
        if disk != nil { finishDisk() }
        _ = replay_mutex_unlock()
        let status = Status(replay_finish())
        _ = replay_session_pop_current()
        _ = replay_session_free(session)
        return status
    }
}

extension Status {
    /// Every status that the C interface returns is one of the engine's.
    init(_ code: replay_status_t) {
        guard let status = Status(rawValue: code) else { fatalError("status \(code) does not exist") }
        self = status
    }
}
