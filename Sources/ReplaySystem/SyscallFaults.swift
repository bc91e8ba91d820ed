/// Makes system calls fail, for tests. Called before each system call of an object that has one.
package final class SyscallFaults: Sendable {
    /// The calls that can be made to fail.
    package enum Call: Int, Sendable, CaseIterable {
        case open, lock, allocate, map, stat, seek, read, write, truncate, hole, sync, rename, unlink, thread
        case watch, scan
        case socket, bind, listen, accept, connect, receive, send, poll, event
    }

    package enum Action: Sendable {
        /// The call is made.
        case pass
        /// The call isn't made, and fails with this errno.
        case fail(Int32)
        /// A read or write transfers at most this many bytes (at least one).
        case short(Int)
    }

    private let counts = Locked([Int](repeating: 0, count: Call.allCases.count))
    private let decide: @Sendable (Call, Int) -> Action

    /// `decide` gets the call and its number among the calls of its kind, from 0. It may wait.
    package init(_ decide: @escaping @Sendable (Call, Int) -> Action) {
        self.decide = decide
    }

    /// The number of calls of a kind so far.
    package func count(_ call: Call) -> Int {
        counts.withLock { $0[call.rawValue] }
    }

    /// What happens to the next call of that kind.
    func action(_ call: Call) -> Action {
        let number = counts.withLock { counts in
            defer { counts[call.rawValue] &+= 1 }
            return counts[call.rawValue]
        }
        return decide(call, number)
    }
}
