import CReplay
import ReplayLog
import ReplaySystem

/// The host's threads that have declared their roles to a session, for its watchdog.
final class WatchedThreads: Sendable {
    private struct Entry {
        /// Its address identifies the thread, and is the replay lock's owner.
        let record: UInt
        let number: Int32
        let roles: ThreadRoles
    }
    private static let most = 256
    private let entries = Locked<[Entry]>([])

    /// Notes the calling thread's roles, or that they changed.
    func note() {
        let thread = replay_thread_self()
        let entry = Entry(
            record: UInt(bitPattern: thread), number: replay_thread_number(),
            roles: ThreadRoles(bits: thread.pointee.roles))
        entries.withLock { entries in
            entries.removeAll { $0.record == entry.record || $0.number == entry.number }
            if entries.count >= Self.most { entries.removeAll { !replay_thread_lives($0.number) } }
            if entries.count < Self.most { entries.append(entry) }
        }
    }

    /// The roles of the lock's owner; none if it is unknown.
    func roles(ofOwner record: UInt) -> ThreadRoles {
        entries.withLock { $0.first { $0.record == record }?.roles } ?? ThreadRoles(bits: 0)
    }

    func works(owner record: UInt) -> Bool {
        guard let number = entries.withLock({ $0.first { $0.record == record }?.number }) else {
            return false
        }
        return replay_thread_works(number)
    }

    /// Is any thread at work whose roles satisfy `isMeant`?
    func work(_ isMeant: (ThreadRoles) -> Bool) -> Bool {
        let numbers = entries.withLock { $0.filter { isMeant($0.roles) }.map(\.number) }
        return numbers.contains { replay_thread_works($0) }
    }

    fileprivate var numbers: [Int32] { entries.withLock { $0.map(\.number) } }
}

/// Which threads wait for a processor. What they don't do meanwhile isn't their fault.
struct Starvation {
    /// How long each thread had run at the last look.
    private var times: [Int32: Int64] = [:]

    /// Has any of the threads been ready since the last look, and not run at all?
    mutating func look(at threads: WatchedThreads) -> Bool {
        var (isStarved, now) = (false, [Int32: Int64]())
        for number in threads.numbers {
            let time = replay_thread_ns(number)
            if time >= 0, time == times[number], replay_thread_is_ready(number) { isStarved = true }
            now[number] = time
        }
        times = now
        return isStarved
    }
}
