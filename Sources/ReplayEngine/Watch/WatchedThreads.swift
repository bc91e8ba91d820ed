import CReplay
import ReplayLog

/// The host's threads that have told a session their roles, for its watchdog.
final class WatchedThreads: Sendable {
    private struct Entry {
        /// Its address is the thread's identity, and the owner that the replay lock names.
        let record: UInt
        let number: Int32
        let roles: ThreadRoles
    }
    private static let most = 256
    private let entries = Locked<[Entry]>([])

    /// The calling thread has roles, from now on or new ones.
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

    /// The roles of the lock's owner; none if it is not known.
    func roles(ofOwner record: UInt) -> ThreadRoles {
        entries.withLock { $0.first { $0.record == record }?.roles } ?? ThreadRoles(bits: 0)
    }

    func works(owner record: UInt) -> Bool {
        guard let number = entries.withLock({ $0.first { $0.record == record }?.number }) else {
            return false
        }
        return replay_thread_works(number)
    }

    /// Does any thread work whose roles `isMeant` names?
    func work(_ isMeant: (ThreadRoles) -> Bool) -> Bool {
        let numbers = entries.withLock { $0.filter { isMeant($0.roles) }.map(\.number) }
        return numbers.contains { replay_thread_works($0) }
    }
}
