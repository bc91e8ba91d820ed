import CReplay
import ReplayLog
import ReplaySystem

/// Fields and blockers from devices between configuration and start, from any thread.
final class Preparation: @unchecked Sendable {
    // Sendable: the monitor guards all of it.

    private let monitor = Monitor()
    private var pairs = Fingerprint()
    private var reasons: [String] = []
    private var isOpen = false
    /// The number of threads that are opening a disk: the preparation ends after them.
    private var visitors = 0

    /// The library's own fields are set before ``begin()``, when nobody else can set fields.
    var fingerprint: Fingerprint {
        get { guarded { pairs } }
        set { guarded { pairs = newValue } }
    }

    /// Blockers may come before the configuration.
    var blocker: String? { guarded { reasons.first } }
    func addBlocker(_ reason: String) { guarded { reasons.append(reason) } }
    func removeBlockers() { guarded { reasons.removeAll() } }

    func begin() {
        guarded {
            isOpen = true
            regions.removeAll()
        }
    }

    enum Answer { case taken, late, full }

    /// - Parameter isLimited: the field must fit into a log.
    func tell(_ key: ByteText, _ value: ByteText, isLimited: Bool) -> Answer {
        guarded {
            guard isOpen else { return .late }
            guard !isLimited || pairs.hasRoom(for: key, value) else { return .full }
            pairs[key] = value
            return .taken
        }
    }

    /// Sets a field of the library's own.
    func tell(_ key: String, _ value: String) {
        guarded { if isOpen { pairs[key] = value } }
    }

    private var regions: [RAMConfiguration] = []

    /// The regions of RAM that are registered.
    var ram: [RAMConfiguration] { guarded { regions } }

    /// - Returns: why it can't be registered.
    func register(_ region: RAMConfiguration) -> (status: Status, reason: String)? {
        guarded {
            guard isOpen else { return Self.lateRAM }
            if let reason = GuestRAM.refusal(of: region, after: regions) {
                return (.invalidArgument, "the RAM \(region.name) can't be registered: \(reason)")
            }
            guard regions.makeRoom() else {
                return (.noMemory, "memory ran out for the RAM \(region.name)")
            }
            regions.append(region)
            return nil
        }
    }

    static let lateRAM = (
        status: Status.wrongState,
        reason: "RAM can be registered only between replay_configure() and replay_start()"
    )

    /// Runs longer work that must finish before the preparation ends. nil: it has already ended.
    func visit<Result>(_ work: () -> Result) -> Result? {
        let mayEnter = guarded {
            if isOpen { visitors &+= 1 }
            return isOpen
        }
        guard mayEnter else { return nil }
        let thread = replay_thread_self()
        thread.pointee.visits &+= 1
        defer {
            thread.pointee.visits &-= 1
            guarded {
                visitors &-= 1
                monitor.wakeAll()
            }
        }
        return work()
    }

    /// Is the calling thread in ``visit(_:)``? Then it can't end the preparation.
    static var isVisited: Bool { replay_thread_self().pointee.visits > 0 }

    func end() {
        guarded {
            isOpen = false
            while visitors > 0 { monitor.wait() }
        }
    }

    private func guarded<Result>(_ body: () -> Result) -> Result {
        monitor.lock()
        defer { monitor.unlock() }
        return body()
    }
}
