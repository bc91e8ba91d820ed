import ReplaySystem

/// Fails the call with that number among all calls while it is armed.
final class Fault: Sendable {
    private struct State {
        var isArmed = false
        var count = 0
    }
    private let state = Locked(State())
    private let number: Int
    private let error: Int32

    init(_ number: Int, _ error: Int32) {
        (self.number, self.error) = (number, error)
    }

    var faults: SyscallFaults {
        SyscallFaults { [self] _, _ in
            let isDue = state.withLock { state in
                guard state.isArmed else { return false }
                defer { state.count += 1 }
                return state.count == number
            }
            return isDue ? .fail(error) : .pass
        }
    }

    func arm(_ isArmed: Bool) { state.withLock { $0.isArmed = isArmed } }
    var wasMade: Bool { state.withLock { $0.count > number } }
}
