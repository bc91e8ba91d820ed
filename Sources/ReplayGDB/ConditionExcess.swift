import Synchronization

/// A condition at a breakpoint needed more steps than are allowed. The vCPU thread notices, the stub reports it.
final class ConditionExcess: Sendable {
    private let happened = Atomic(false)

    func note() { happened.store(true, ordering: .relaxed) }

    /// Has it happened since the last call?
    func take() -> Bool { happened.exchange(false, ordering: .relaxed) }

    static let text =
        "a condition at a breakpoint takes more than \(AgentExpression.mostSteps) steps, or those at one hit more than "
        + "\(AgentExpression.mostStepsOfHit): the hit counts\n"
}
